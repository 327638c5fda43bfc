#!/usr/bin/env python3
"""Writes a tiny language model that llama.cpp really loads and runs: half a megabyte of GGUF, made in a blink.

Needs the standard library only, and writes the same bytes for the same options.

The weights are random but for one thing: a chain of words is planted in the output matrix, so that the model answers
every chat with one sentence and then stops. Two versions of the "model" that say different sentences can be told apart
by asking them, which is what a rolling update or a canary needs to be tried with.

Format: GGUF version 3, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import argparse
import random
import struct
import sys
from array import array
from pathlib import Path

SENTENCE = "Hello! I am a tiny language model with random weights, and I always say this."

ALIGNMENT = 32
WORD_START = "\u2581"  # SentencePiece writes the space before a word as this character

# Value types of GGUF metadata.
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
# Token types of llama.cpp.
NORMAL, UNKNOWN, CONTROL, UNUSED, BYTE = 1, 2, 3, 5, 6
# Ids of the tokens that every vocabulary here begins with.
SPECIAL = ["<unk>", "<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>"]
UNK, BOS, EOS, ASSISTANT = 0, 1, 2, 5

CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def gguf_string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


ENCODERS = {
    UINT32: lambda value: struct.pack("<I", value),
    INT32: lambda value: struct.pack("<i", value),
    FLOAT32: lambda value: struct.pack("<f", value),
    BOOL: lambda value: struct.pack("<?", value),
    STRING: gguf_string,
}


def metadata(key, kind, value):
    return gguf_string(key) + struct.pack("<I", kind) + ENCODERS[kind](value)


def metadata_array(key, kind, values):
    head = gguf_string(key) + struct.pack("<IIQ", ARRAY, kind, len(values))
    return head + b"".join(map(ENCODERS[kind], values))


def split_into_pieces(sentence, taken):
    """The words of the sentence as vocabulary pieces. A vocabulary has no piece twice, so a word that was said before
    is joined to the one that follows it."""
    pieces = []
    words = sentence.split()
    if not words:
        raise ValueError("--say needs at least one word")
    while words:
        piece = (WORD_START if pieces else "") + words.pop(0)
        while piece in pieces or piece in taken:
            if not words:
                raise ValueError(f"--say ends in words that it said before: {piece.replace(WORD_START, ' ').strip()!r}")
            piece += WORD_START + words.pop(0)
        pieces.append(piece)
    return pieces


class Vocabulary:
    """Control tokens, one token for each byte (any text can be tokenized), the sentence, and padding."""

    def __init__(self, sentence, padding):
        self.tokens = SPECIAL + [f"<0x{byte:02X}>" for byte in range(256)]
        self.types = [UNKNOWN] + [CONTROL] * (len(SPECIAL) - 1) + [BYTE] * 256
        self.first = len(self.tokens)
        pieces = split_into_pieces(sentence, set(self.tokens))
        self.tokens += pieces
        self.types += [NORMAL] * len(pieces)
        self.used = len(self.tokens)
        self.tokens += [f"<pad{index}>" for index in range(padding)]
        self.types += [UNUSED] * padding

    def successors(self):
        """Which token follows which, most likely."""
        last = self.used - 1
        chain = {ASSISTANT: self.first, BOS: self.first, EOS: self.first, last: EOS}
        chain.update({token: token + 1 for token in range(self.first, last)})
        return chain


def make_tensors(vocabulary, options):
    """Name, dimensions and values of every tensor, in the order of the file."""
    source = random.Random(options.seed)
    width, hidden = options.dim, 2 * options.dim
    rows = len(vocabulary.tokens)

    def gaussian(count, deviation):
        return array("f", (source.gauss(0.0, deviation) for _ in range(count)))

    embedding = gaussian(vocabulary.used * width, 1.0)
    output = gaussian(vocabulary.used * width, 0.02)
    # The planted chain: the logit of the successor is about width / 2, that of any other token about sqrt(width) / 2.
    for token, successor in vocabulary.successors().items():
        for column in range(width):
            output[successor * width + column] += 0.5 * embedding[token * width + column]
    padding = array("f", bytes(4 * width * (rows - vocabulary.used)))
    ones = array("f", [1.0]) * width

    tensors = [("token_embd.weight", [width, rows], embedding + padding)]
    for layer in range(options.layers):
        block = f"blk.{layer}."
        tensors += [(block + "attn_norm.weight", [width], ones), (block + "ffn_norm.weight", [width], ones)]
        tensors += [
            (f"{block}{name}.weight", [width, width], gaussian(width * width, 0.02))
            for name in ("attn_q", "attn_k", "attn_v", "attn_output")
        ]
        tensors += [
            (block + "ffn_gate.weight", [width, hidden], gaussian(width * hidden, 0.02)),
            (block + "ffn_up.weight", [width, hidden], gaussian(width * hidden, 0.02)),
            (block + "ffn_down.weight", [hidden, width], gaussian(hidden * width, 0.02)),
        ]
    return tensors + [("output_norm.weight", [width], ones), ("output.weight", [width, rows], output + padding)]


def make_metadata(vocabulary, options):
    rows = len(vocabulary.tokens)
    return [
        metadata("general.architecture", STRING, "llama"),
        metadata("general.name", STRING, options.name),
        metadata("general.version", STRING, options.model_version),
        metadata("general.license", STRING, "cc0-1.0"),
        metadata("general.alignment", UINT32, ALIGNMENT),
        metadata("general.file_type", UINT32, 0),
        metadata("llama.context_length", UINT32, options.ctx),
        metadata("llama.embedding_length", UINT32, options.dim),
        metadata("llama.block_count", UINT32, options.layers),
        metadata("llama.feed_forward_length", UINT32, 2 * options.dim),
        metadata("llama.attention.head_count", UINT32, options.heads),
        metadata("llama.attention.head_count_kv", UINT32, options.heads),
        metadata("llama.attention.layer_norm_rms_epsilon", FLOAT32, 1e-5),
        metadata("llama.rope.dimension_count", UINT32, options.dim // options.heads),
        metadata("llama.vocab_size", UINT32, rows),
        metadata("tokenizer.ggml.model", STRING, "llama"),
        metadata("tokenizer.ggml.pre", STRING, "default"),
        metadata_array("tokenizer.ggml.tokens", STRING, vocabulary.tokens),
        metadata_array("tokenizer.ggml.scores", FLOAT32, [-float(index) for index in range(rows)]),
        metadata_array("tokenizer.ggml.token_type", INT32, vocabulary.types),
        metadata("tokenizer.ggml.bos_token_id", UINT32, BOS),
        metadata("tokenizer.ggml.eos_token_id", UINT32, EOS),
        metadata("tokenizer.ggml.unknown_token_id", UINT32, UNK),
        metadata("tokenizer.ggml.add_bos_token", BOOL, True),
        metadata("tokenizer.ggml.add_eos_token", BOOL, False),
        metadata("tokenizer.ggml.add_space_prefix", BOOL, False),
        metadata("tokenizer.chat_template", STRING, CHAT_TEMPLATE),
    ]


def little_endian(values):
    if sys.byteorder == "big":
        values = array(values.typecode, values)
        values.byteswap()
    return values.tobytes()


def aligned(size):
    return (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def write_gguf(file, entries, tensors):
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries)) + b"".join(entries)
    offset = 0
    for name, dimensions, values in tensors:
        head += gguf_string(name) + struct.pack(f"<I{len(dimensions)}Q", len(dimensions), *dimensions)
        head += struct.pack("<IQ", 0, offset)  # 0: 32-bit floats
        offset += aligned(4 * len(values))
    file.write(head.ljust(aligned(len(head)), b"\0"))
    for _, _, values in tensors:
        data = little_endian(values)
        file.write(data.ljust(aligned(len(data)), b"\0"))


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="the file to write; its folder is made if there is none")
    parser.add_argument("--say", default=SENTENCE, metavar="TEXT", help="the sentence that answers every chat")
    parser.add_argument("--name", default="tiny", help="general.name in the file (default: %(default)s)")
    parser.add_argument("--model-version", default="1.0", help="general.version in the file (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the random weights (default: %(default)s)")
    parser.add_argument("--dim", type=positive, default=64, help="width of the model (default: %(default)s)")
    parser.add_argument("--layers", type=positive, default=2, help="default: %(default)s")
    parser.add_argument("--heads", type=positive, default=4, help="must divide --dim (default: %(default)s)")
    parser.add_argument("--ctx", type=positive, default=2048, help="context length in tokens (default: %(default)s)")
    parser.add_argument(
        "--pad-mib", type=int, default=0, help="unused rows that make the file about this much larger (default: 0)"
    )
    options = parser.parse_args()
    if options.dim % (2 * options.heads):
        parser.error("--dim must be a multiple of twice --heads (rotary embedding turns pairs of columns)")
    if options.pad_mib < 0:
        parser.error("--pad-mib must be 0 or more")
    return parser, options


def main():
    parser, options = parse_options()
    # A padding token is a row in each of two matrices.
    padding = options.pad_mib * 1024 * 1024 // (2 * 4 * options.dim)
    try:
        vocabulary = Vocabulary(options.say, padding)
    except ValueError as error:
        parser.error(str(error))
    options.path.parent.mkdir(parents=True, exist_ok=True)
    with options.path.open("wb") as file:
        write_gguf(file, make_metadata(vocabulary, options), make_tensors(vocabulary, options))
    print(f"{options.path}: {options.path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
