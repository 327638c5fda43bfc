/// What a measurement needs to know of one OpenAI-style chunk (chat completions or completions): a few facts, never the text.
struct CompletionChunk: Hashable, Sendable {
    /// The data of the event that ends a stream.
    static let done: [UInt8] = Array("[DONE]".utf8)

    /// Whether any choice brings generated text: `delta.content`, `delta.reasoning_content`, `delta.reasoning` or `text`, not empty.
    var hasContent = false
    /// Whether any choice has a `finish_reason`.
    var isFinished = false
    /// Whether the server reports an error (a top-level `error` that is not null).
    var hasError = false
    /// `usage.completion_tokens`.
    var completionTokens: Int?
    /// `usage.prompt_tokens`.
    var promptTokens: Int?

    init() {}

    /// Reads a chunk.
    ///
    /// - Throws: ``JSONScanner/Malformed`` where the data is not one JSON object. Members of unexpected types count as absent.
    init(_ data: [UInt8]) throws(JSONScanner.Malformed) {
        var chunk = CompletionChunk()
        try data.withUnsafeBufferPointer { (bytes) throws(JSONScanner.Malformed) in
            var scanner = JSONScanner(UnsafeRawBufferPointer(bytes))
            try scanner.members { (scanner, key) throws(JSONScanner.Malformed) in
                if key == "choices" {
                    try scanner.eachObject { (scanner) throws(JSONScanner.Malformed) in try chunk.readChoice(&scanner) }
                } else if key == "usage" {
                    try chunk.readUsage(&scanner)
                } else if key == "error" {
                    chunk.hasError = scanner.peek() != UInt8(ascii: "n")
                    try scanner.skip()
                } else {
                    try scanner.skip()
                }
            }
            try scanner.finish()
        }
        self = chunk
    }

    private mutating func readChoice(_ scanner: inout JSONScanner) throws(JSONScanner.Malformed) {
        var choice = CompletionChunk()
        try scanner.members { (scanner, key) throws(JSONScanner.Malformed) in
            if key == "delta" {
                try scanner.membersIfObject { (scanner, key) throws(JSONScanner.Malformed) in
                    if key == "content" || key == "reasoning_content" || key == "reasoning" {
                        if try scanner.nonEmptyString() { choice.hasContent = true }
                    } else {
                        try scanner.skip()
                    }
                }
            } else if key == "text" {
                if try scanner.nonEmptyString() { choice.hasContent = true }
            } else if key == "finish_reason" {
                if try scanner.nonEmptyString() { choice.isFinished = true }
            } else {
                try scanner.skip()
            }
        }
        hasContent = hasContent || choice.hasContent
        isFinished = isFinished || choice.isFinished
    }

    private mutating func readUsage(_ scanner: inout JSONScanner) throws(JSONScanner.Malformed) {
        var counts: (completion: Int?, prompt: Int?) = (nil, nil)
        try scanner.membersIfObject { (scanner, key) throws(JSONScanner.Malformed) in
            if key == "completion_tokens" {
                counts.completion = try scanner.count()
            } else if key == "prompt_tokens" {
                counts.prompt = try scanner.count()
            } else {
                try scanner.skip()
            }
        }
        (completionTokens, promptTokens) = counts
    }
}

extension JSONScanner {
    /// Visits the members of the next value where it is an object, else passes over it.
    fileprivate mutating func membersIfObject(_ visit: (inout JSONScanner, Key) throws(Malformed) -> Void) throws(Malformed) {
        if peek() == UInt8(ascii: "{") { try members(visit) } else { try skip() }
    }

    /// Visits the objects of the next value where it is an array; passes over all else.
    fileprivate mutating func eachObject(_ visit: (inout JSONScanner) throws(Malformed) -> Void) throws(Malformed) {
        guard peek() == UInt8(ascii: "[") else { return try skip() }
        try elements { (scanner) throws(Malformed) in
            if scanner.peek() == UInt8(ascii: "{") { try visit(&scanner) } else { try scanner.skip() }
        }
    }
}
