/// Which lines of a container's log to read.
public struct LogOptions: Sendable, Hashable {
    /// Only the last so many lines; nil is all.
    public var tail: Int?
    /// Only lines at or after this time.
    public var since: EngineTimestamp?
    /// Only lines before this time.
    public var until: EngineTimestamp?
    /// Whether to go on with new lines until the container ends.
    public var follow: Bool
    /// Whether lines carry their time.
    public var timestamps: Bool
    /// The streams to read.
    public var streams: Set<LogLine.Stream>
    /// The most bytes of a line; what is beyond is left out.
    public var maximumLineBytes: Int

    /// Makes options; without arguments, the whole log of both streams with times.
    public init(
        tail: Int? = nil, since: EngineTimestamp? = nil, until: EngineTimestamp? = nil, follow: Bool = false, timestamps: Bool = true,
        streams: Set<LogLine.Stream> = [.stdout, .stderr], maximumLineBytes: Int = 1 << 20
    ) {
        self.tail = tail
        self.since = since
        self.until = until
        self.follow = follow
        self.timestamps = timestamps
        self.streams = streams
        self.maximumLineBytes = maximumLineBytes
    }

    func query() throws(ContainerEngineError) -> [(name: String, value: String)] {
        guard !streams.isEmpty else { throw .invalidArgument(name: "streams", reason: "at least one stream is needed") }
        guard maximumLineBytes > 0 else { throw .invalidArgument(name: "maximumLineBytes", reason: "it must be positive") }
        var items: [(name: String, value: String)] = [
            ("stdout", streams.contains(.stdout) ? "1" : "0"), ("stderr", streams.contains(.stderr) ? "1" : "0"),
            ("timestamps", timestamps ? "1" : "0"), ("follow", follow ? "1" : "0"),
        ]
        if let tail {
            guard tail >= 0 else { throw .invalidArgument(name: "tail", reason: "it must not be negative") }
            items.append(("tail", "\(tail)"))
        }
        if let since { items.append(("since", since.description)) }
        if let until { items.append(("until", until.description)) }
        return items
    }
}
