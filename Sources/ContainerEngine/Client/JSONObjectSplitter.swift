import NIOCore

/// Cuts a stream of JSON objects that follow one another, with or without white space between, into single objects.
///
/// A pure value: bytes in, complete objects out, whatever the boundaries of the pieces. It finds an object's end by counting braces outside strings,
/// and leaves it to the decoder to find other faults.
struct JSONObjectSplitter: Sendable {
    private let maximumObjectBytes: Int
    private let maximumDepth: Int
    private var current: [UInt8] = []
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    init(maximumObjectBytes: Int = 4 << 20, maximumDepth: Int = 128) {
        self.maximumObjectBytes = maximumObjectBytes
        self.maximumDepth = maximumDepth
    }

    /// Takes the next bytes, and gives the objects that they complete.
    mutating func consume(_ bytes: ByteBuffer) throws(ContainerEngineError) -> [[UInt8]] {
        var objects: [[UInt8]] = []
        for byte in bytes.readableBytesView {
            if depth == 0 {
                switch byte {
                case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"):
                    continue
                case UInt8(ascii: "{"):
                    depth = 1
                    current.append(byte)
                    continue
                default:
                    throw .unexpectedResponse(message: "The engine's stream holds something other than JSON objects.")
                }
            }
            guard current.count < maximumObjectBytes else {
                throw .unexpectedResponse(message: "The engine's stream holds a JSON object of more than \(maximumObjectBytes) bytes.")
            }
            current.append(byte)
            if try completes(byte) {
                objects.append(current)
                current.removeAll(keepingCapacity: true)
            }
        }
        return objects
    }

    /// Checks, at the end of the stream, that no object is cut off.
    func finish() throws(ContainerEngineError) {
        guard depth == 0 else {
            throw .unexpectedResponse(message: "The engine's stream ends in the middle of a JSON object.")
        }
    }

    private mutating func completes(_ byte: UInt8) throws(ContainerEngineError) -> Bool {
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
            }
            return false
        }
        switch byte {
        case UInt8(ascii: "\""):
            isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            depth += 1
            guard depth <= maximumDepth else {
                throw .unexpectedResponse(message: "The engine's stream holds JSON nested more than \(maximumDepth) levels deep.")
            }
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            return depth == 0
        default:
            break
        }
        return false
    }
}
