import Foundation

/// One connection to a PostgreSQL server: commands in, results out, prepared statements kept. Used by one thread at a time.
///
/// Commands go out together and their results come back together (libpq's pipeline mode), so that what belongs to a statement, such as
/// the beginning of its transaction, costs no round trip of its own.
final class PostgreSQLSession {
    /// What the server sees as one command.
    enum Command {
        /// Text without values, whose rows are of no interest.
        case text(String)
        /// A statement that is sent with its text.
        case query(String, PostgreSQLParameters)
        /// Keeps a statement under a name.
        case prepare(StatementKey, name: String)
        /// Runs a statement that is kept.
        case execute(StatementKey, name: String, PostgreSQLParameters)

        fileprivate var sql: String? {
            switch self {
            case .text(let sql), .query(let sql, _): sql
            case .prepare(let key, _), .execute(let key, _, _): key.sql
            }
        }
    }

    /// What makes two statements the same to the server: the text, and the types of the values.
    struct StatementKey: Hashable {
        var sql: String
        var types: [UInt32]
    }

    /// More statements than a program has; what exceeds it comes from text that depends on data.
    private static let keptStatements = 512

    let library: LibPQ
    let canceller: PostgreSQLCanceller
    private let url: PostgreSQLURL
    /// Settings that each connection begins with.
    private let settings: [(name: String, value: String)]

    private var connection: OpaquePointer?
    private var cancelHandle: OpaquePointer?
    private var statements: [StatementKey: String] = [:]
    private var statementsMade = 0
    /// How many results are still to come of commands that nobody waits for.
    private var unread = 0

    init(url: PostgreSQLURL, settings: [(name: String, value: String)], library: LibPQ) {
        self.url = url
        self.settings = settings
        self.library = library
        canceller = PostgreSQLCanceller(library: library)
    }

    deinit {
        disconnect()
    }

    var isConnected: Bool { connection != nil }

    // MARK: - Connecting

    /// Connects, unless connected. Throws ``DatabaseError/cannotOpen(path:message:)``.
    func connect() throws(DatabaseError) {
        guard connection == nil else { return }
        let opened = try Self.open(url, library)
        connection = opened
        // The default prints the server's notices, such as "relation exists, skipping", to standard error.
        _ = library.setNoticeProcessor(opened, { _, _ in }, nil)
        cancelHandle = library.makeCancel(opened)
        guard library.enterPipelineMode(opened) == 1 else {
            disconnect()
            throw .cannotOpen(path: url.location, message: "libpq cannot pipeline")
        }
        do {
            let calls = settings.map { "set_config('\($0.name)', '\($0.value)', false)" }.joined(separator: ", ")
            if !calls.isEmpty { try run([.text("SELECT \(calls)")]) }
        } catch {
            disconnect()
            throw .cannotOpen(path: url.location, message: "\((error as? PostgreSQLFailure)?.error ?? .closed)")
        }
    }

    /// Closes the connection; the server undoes what was not committed.
    func disconnect() {
        if let cancelHandle { library.freeCancel(cancelHandle) }
        if let connection { library.finish(connection) }
        cancelHandle = nil
        connection = nil
        statements = [:]
        unread = 0
    }

    /// Opens a connection in libpq's terms.
    static func open(_ url: PostgreSQLURL, _ library: LibPQ) throws(DatabaseError) -> OpaquePointer {
        guard let parsed = library.parseConnectionInfo(url.text, nil) else {
            throw PostgreSQLURL.notUnderstood
        }
        library.freeConnectionInfo(parsed)
        // What comes before the URL is a default that it can overrule.
        let parameters = [
            ("connect_timeout", "5"), ("keepalives_idle", "15"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"), ("gssencmode", "disable"), ("fallback_application_name", "catapult"), ("dbname", url.text),
            ("client_encoding", "UTF8"),
        ]
        let opened = withCStrings(parameters.map(\.0)) { names in
            withCStrings(parameters.map(\.1)) { values in library.connect(names, values, 1) }
        }
        guard let opened else { throw .cannotOpen(path: url.location, message: "there is no memory for a connection") }
        guard library.status(opened) == LibPQ.connectionOK else {
            defer { library.finish(opened) }
            throw .cannotOpen(path: url.location, message: failureMessage(opened, library))
        }
        return opened
    }

    /// libpq's words for why it could not connect, with the next step and without the password.
    private static func failureMessage(_ connection: OpaquePointer, _ library: LibPQ) -> String {
        var message = text(library.errorMessage(connection)).split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            .joined(separator: "; ")
        let password = text(library.password(connection))
        // libpq does not show passwords; whatever it comes to say, this one is not shown.
        if password.count > 2 { message = message.replacing(password, with: "<password>") }
        let hint =
            if message.contains("password") || message.contains("authentication") {
                "check user and password: in the URL, in PGPASSWORD, or in the file that PGPASSFILE names"
            } else if message.contains("database \"") {
                "create it with: createdb \(text(library.databaseName(connection)))"
            } else if message.contains("connection slots") || message.contains("too many") {
                "raise max_connections of the server, or stop programs that hold connections"
            } else {
                "check that a PostgreSQL server listens on \(text(library.host(connection))) port \(text(library.port(connection))) "
                    + "and lets this machine in"
            }
        return "\(message). Next step: \(hint)"
    }

    private static func text(_ text: LibPQ.Text?) -> String { text.map { String(cString: $0) } ?? "" }

    // MARK: - Statements

    /// The commands that run a query: with its text, or by the name under which the server keeps it.
    func commands(for query: SQLQuery) throws(DatabaseError) -> [Command] {
        let parameters = try PostgreSQLParameters(query)
        let sql = query.render(.numbered)
        guard query.isCacheable else { return [.query(sql, parameters)] }
        let key = StatementKey(sql: sql, types: parameters.types)
        if let name = statements[key] { return [.execute(key, name: name, parameters)] }
        statementsMade += 1
        let name = "s\(statementsMade)"
        return [.prepare(key, name: name), .execute(key, name: name, parameters)]
    }

    /// Whether the server keeps the statement already.
    func keeps(_ commands: [Command]) -> Bool {
        if case .execute(let key, _, _)? = commands.last { statements[key] != nil } else { false }
    }

    /// Prepares the statement anew when it is used next.
    func forget(_ commands: [Command]) {
        if case .execute(let key, _, _)? = commands.last { statements[key] = nil }
    }

    /// The same commands for a connection that may not keep the statement.
    func renewed(_ commands: [Command]) -> [Command] {
        guard case .execute(let key, let name, _)? = commands.last, statements[key] == nil, commands.count == 1 else { return commands }
        return [.prepare(key, name: name)] + commands
    }

    /// What has to be sent before the next transaction: nothing, as a rule.
    func housekeeping() -> [Command] {
        guard statements.count > Self.keptStatements else { return [] }
        statements = [:]
        return [.text("DEALLOCATE ALL")]
    }

    // MARK: - Round trips

    /// Sends commands and waits for the results; gives the last one's. Throws ``PostgreSQLFailure`` for the first that failed: those
    /// after it were not run.
    @discardableResult
    func run(_ commands: [Command]) throws -> PostgreSQLResult? {
        guard let connection else { throw lost() }
        try drain()
        try send(commands, connection)
        var last: PostgreSQLResult?
        var failure: PostgreSQLFailure?
        for (index, command) in commands.enumerated() {
            guard let result = library.nextResult(connection) else { throw failure ?? lost(index) }
            // A null pointer ends a command's results.
            defer { while let more = library.nextResult(connection) { library.clear(more) } }
            switch LibPQ.ResultStatus(rawValue: library.resultStatus(result)) {
            case .commandOK, .rows, .emptyQuery:
                if case .prepare(let key, let name) = command { statements[key] = name }
                last = PostgreSQLResult(result, sql: command.sql ?? "", library: library)
            case .pipelineAborted:
                library.clear(result)
            case .copyIn, .copyOut, .copyBoth:
                library.clear(result)
                disconnect()
                throw PostgreSQLFailure(index: index, error: .unsupported("COPY is not possible here"), isLost: true)
            default:
                failure = failure ?? PostgreSQLFailure(result, index: index, sql: command.sql, library: library)
                library.clear(result)
                if failure?.isLost == true {
                    disconnect()
                    throw failure ?? lost(index)
                }
            }
        }
        try readSync(connection)
        if let failure { throw failure }
        return last
    }

    /// Sends a command without waiting for its result. A failure shows with the next commands.
    func sendAhead(_ sql: String) {
        guard let connection else { return }
        do {
            try drain()
            try send([.text(sql)], connection)
            unread = 1
        } catch {
            disconnect()
        }
    }

    /// Reads what is left of commands that nobody waited for.
    private func drain() throws {
        guard let connection, unread > 0 else { return }
        var failure: PostgreSQLFailure?
        while unread > 0 {
            guard let result = library.nextResult(connection) else { throw lost() }
            if LibPQ.ResultStatus(rawValue: library.resultStatus(result)) == .fatalError {
                failure = PostgreSQLFailure(result, index: 0, sql: nil, library: library)
            }
            library.clear(result)
            while let more = library.nextResult(connection) { library.clear(more) }
            unread -= 1
        }
        if let failure, failure.isLost {
            disconnect()
            throw failure
        }
        try readSync(connection)
    }

    private func send(_ commands: [Command], _ connection: OpaquePointer) throws {
        for command in commands {
            let sent: Int32 =
                switch command {
                case .text(let sql): library.sendQuery(connection, sql, 0, nil, nil, nil, nil, 1)
                case .query(let sql, let parameters):
                    parameters.withPointers {
                        library.sendQuery(connection, sql, $0, parameters.types, $1, $2, $3, 1)
                    }
                case .prepare(let key, let name):
                    library.sendPrepare(connection, name, key.sql, Int32(key.types.count), key.types)
                case .execute(_, let name, let parameters):
                    parameters.withPointers { library.sendPrepared(connection, name, $0, $1, $2, $3, 1) }
                }
            guard sent == 1 else { throw lost() }
        }
        guard library.pipelineSync(connection) == 1 else { throw lost() }
    }

    private func readSync(_ connection: OpaquePointer) throws {
        guard let sync = library.nextResult(connection) else { throw lost() }
        defer { library.clear(sync) }
        guard LibPQ.ResultStatus(rawValue: library.resultStatus(sync)) == .pipelineSync else { throw lost() }
    }

    /// The failure for a connection that broke, which is given up.
    private func lost(_ index: Int = 0) -> PostgreSQLFailure {
        let message = connection.map { Self.text(library.errorMessage($0)) } ?? ""
        disconnect()
        let line = message.split(separator: "\n").first.map(String.init) ?? "it was closed"
        return PostgreSQLFailure(index: index, error: .connectionLost(message: line), isLost: true)
    }
}

extension PostgreSQLSession {
    /// What makes a running statement stoppable from another thread.
    func cancellable<T>(_ body: () throws -> T) throws -> T {
        try canceller.whileRunning(cancelHandle, body)
    }
}

/// Calls `body` with the addresses of texts and a null pointer after them.
private func withCStrings<T>(_ texts: [String], _ body: (LibPQ.Pointers) -> T) -> T {
    let copies = texts.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return (copies.map { UnsafePointer($0) } + [nil]).withUnsafeBufferPointer { buffer in
        // The buffer has at least the null pointer, so it has an address.
        buffer.baseAddress.map(body) ?? withUnsafePointer(to: nil as UnsafePointer<CChar>?, body)
    }
}
