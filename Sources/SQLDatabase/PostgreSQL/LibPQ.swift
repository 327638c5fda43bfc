import Foundation

/// The functions of libpq that are used here, found at run time.
///
/// libpq is loaded when a PostgreSQL database is opened, and not linked: it brings 27 libraries along (TLS, Kerberos, LDAP), which cost a
/// server on SQLite 7 MiB of memory and 5 ms at every start. See docs/decisions.
///
/// The declarations follow https://www.postgresql.org/docs/15/libpq.html. The library's name carries its binary interface, libpq.so.5,
/// which has only been added to since 2006.
struct LibPQ: Sendable {
    typealias Text = UnsafePointer<CChar>
    typealias Pointers = UnsafePointer<UnsafePointer<CChar>?>

    let connect: @convention(c) (Pointers, Pointers, Int32) -> OpaquePointer?
    let finish: @convention(c) (OpaquePointer) -> Void
    let status: @convention(c) (OpaquePointer) -> Int32
    let errorMessage: @convention(c) (OpaquePointer) -> Text?
    let host: @convention(c) (OpaquePointer) -> Text?
    let port: @convention(c) (OpaquePointer) -> Text?
    let databaseName: @convention(c) (OpaquePointer) -> Text?
    let password: @convention(c) (OpaquePointer) -> Text?
    let socket: @convention(c) (OpaquePointer) -> Int32
    let setNoticeProcessor:
        @convention(c) (OpaquePointer, @convention(c) (UnsafeMutableRawPointer?, Text?) -> Void, UnsafeMutableRawPointer?) ->
            UnsafeMutableRawPointer?
    let parseConnectionInfo: @convention(c) (Text, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> OpaquePointer?
    let freeConnectionInfo: @convention(c) (OpaquePointer) -> Void

    let makeCancel: @convention(c) (OpaquePointer) -> OpaquePointer?
    let freeCancel: @convention(c) (OpaquePointer) -> Void
    let cancel: @convention(c) (OpaquePointer, UnsafeMutablePointer<CChar>, Int32) -> Int32

    let enterPipelineMode: @convention(c) (OpaquePointer) -> Int32
    let pipelineSync: @convention(c) (OpaquePointer) -> Int32
    let sendQuery:
        @convention(c) (
            OpaquePointer, Text, Int32, UnsafePointer<UInt32>?, Pointers?, UnsafePointer<Int32>?, UnsafePointer<Int32>?, Int32
        ) -> Int32
    let sendPrepare: @convention(c) (OpaquePointer, Text, Text, Int32, UnsafePointer<UInt32>?) -> Int32
    let sendPrepared: @convention(c) (OpaquePointer, Text, Int32, Pointers?, UnsafePointer<Int32>?, UnsafePointer<Int32>?, Int32) -> Int32
    let nextResult: @convention(c) (OpaquePointer) -> OpaquePointer?
    let consumeInput: @convention(c) (OpaquePointer) -> Int32
    let nextNotification: @convention(c) (OpaquePointer) -> UnsafeMutableRawPointer?
    let freeMemory: @convention(c) (UnsafeMutableRawPointer) -> Void

    let resultStatus: @convention(c) (OpaquePointer) -> Int32
    let errorField: @convention(c) (OpaquePointer, Int32) -> Text?
    let clear: @convention(c) (OpaquePointer) -> Void
    let commandStatus: @convention(c) (OpaquePointer) -> Text?
    let commandRows: @convention(c) (OpaquePointer) -> Text?
    let rowCount: @convention(c) (OpaquePointer) -> Int32
    let columnCount: @convention(c) (OpaquePointer) -> Int32
    let columnName: @convention(c) (OpaquePointer, Int32) -> Text?
    let columnType: @convention(c) (OpaquePointer, Int32) -> UInt32
    let value: @convention(c) (OpaquePointer, Int32, Int32) -> UnsafePointer<UInt8>?
    let length: @convention(c) (OpaquePointer, Int32, Int32) -> Int32
    let isNull: @convention(c) (OpaquePointer, Int32, Int32) -> Int32

    /// The library, loaded once. Throws ``DatabaseError/unsupported(_:)`` where it is not installed.
    static func load() throws(DatabaseError) -> LibPQ { try loaded.get() }

    private static let loaded: Result<LibPQ, DatabaseError> = Result(catching: { () throws(DatabaseError) in try LibPQ() })

    #if canImport(Darwin)
    private static let names = ["libpq.5.dylib", "/opt/homebrew/opt/libpq/lib/libpq.5.dylib", "/usr/local/opt/libpq/lib/libpq.5.dylib"]
    #else
    private static let names = ["libpq.so.5"]
    #endif

    private init() throws(DatabaseError) {
        guard let library = Self.names.lazy.compactMap({ dlopen($0, RTLD_NOW | RTLD_LOCAL) }).first else {
            throw .unsupported("PostgreSQL needs its client library, which is not installed: \(Self.names[0]) (apt-get install libpq5)")
        }
        // Pipelines came with libpq 14, in 2021.
        guard dlsym(library, "PQpipelineSync") != nil else {
            throw .unsupported("PostgreSQL needs libpq 14 or later; the one that is installed is older")
        }
        func function<Function>(_ name: String) throws(DatabaseError) -> Function {
            guard let address = dlsym(library, name) else { throw .unsupported("\(Self.names[0]) has no function \(name)") }
            // What dlsym finds is a C function; its type is the declaration above.
            return unsafeBitCast(address, to: Function.self)
        }
        connect = try function("PQconnectdbParams")
        finish = try function("PQfinish")
        status = try function("PQstatus")
        errorMessage = try function("PQerrorMessage")
        host = try function("PQhost")
        port = try function("PQport")
        databaseName = try function("PQdb")
        password = try function("PQpass")
        socket = try function("PQsocket")
        setNoticeProcessor = try function("PQsetNoticeProcessor")
        parseConnectionInfo = try function("PQconninfoParse")
        freeConnectionInfo = try function("PQconninfoFree")
        makeCancel = try function("PQgetCancel")
        freeCancel = try function("PQfreeCancel")
        cancel = try function("PQcancel")
        enterPipelineMode = try function("PQenterPipelineMode")
        pipelineSync = try function("PQpipelineSync")
        sendQuery = try function("PQsendQueryParams")
        sendPrepare = try function("PQsendPrepare")
        sendPrepared = try function("PQsendQueryPrepared")
        nextResult = try function("PQgetResult")
        consumeInput = try function("PQconsumeInput")
        nextNotification = try function("PQnotifies")
        freeMemory = try function("PQfreemem")
        resultStatus = try function("PQresultStatus")
        errorField = try function("PQresultErrorField")
        clear = try function("PQclear")
        commandStatus = try function("PQcmdStatus")
        commandRows = try function("PQcmdTuples")
        rowCount = try function("PQntuples")
        columnCount = try function("PQnfields")
        columnName = try function("PQfname")
        columnType = try function("PQftype")
        value = try function("PQgetvalue")
        length = try function("PQgetlength")
        isNull = try function("PQgetisnull")
    }

    /// `ConnStatusType`.
    static let connectionOK: Int32 = 0

    /// `ExecStatusType`, as far as it matters here.
    enum ResultStatus: Int32 {
        case emptyQuery = 0
        case commandOK = 1
        case rows = 2
        case copyOut = 3
        case copyIn = 4
        case fatalError = 7
        case copyBoth = 8
        case pipelineSync = 10
        case pipelineAborted = 11
    }

    /// `PG_DIAG_…`.
    enum ErrorField: Character {
        case sqlState = "C"
        case message = "M"
        case table = "t"
        case column = "c"
        case constraint = "n"
    }
}
