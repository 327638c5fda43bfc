import CatapultAPI

/// Goes along the audit log's chain, row by row, and stops at the first that is not as it was written. A pure value: the rows are brought to it.
struct AuditVerifier {
    /// The action of the chain's first row, which holds the digest of the rows of before.
    static let sealAction = "seal_audit_log"

    private let expected: String?
    private var sealed = AuditChain.Digest()
    private var sealedRows = 0
    private var rows: Int64 = 0
    private var last: (sequence: Int64, hash: String) = (0, AuditChain.origin)
    private var expectedSequence: Int64?
    /// The first thing that is wrong; nothing is looked at after it.
    private(set) var problem: AuditProblem?

    /// - Parameter expected: the hash of a row that must be in the chain.
    init(expecting expected: String? = nil) { self.expected = expected }

    /// The next row, in the order of their sequence.
    mutating func add(_ row: AuditChain.Row) {
        guard problem == nil else { return }
        let entry = row.entry
        guard entry.sequence > 0 else {
            sealed.add(row)
            sealedRows += 1
            return
        }
        let next = last.sequence + 1
        if entry.sequence > next {
            let gone = entry.sequence == next + 1 ? "row \(next) is" : "rows \(next) to \(entry.sequence - 1) are"
            return stop(.removed, entry, "\(gone) gone")
        }
        if entry.sequence < next { return stop(.inserted, entry, "row \(entry.sequence) stands there twice") }
        guard let hash = entry.hash, let previous = entry.prevHash, hash == AuditChain.hash(of: row, after: previous) else {
            return stop(.changed, entry, "row \(entry.sequence) is not as it was written")
        }
        guard previous == last.hash else {
            let message =
                last.sequence == 0
                ? "row 1 does not begin a chain"
                : "row \(last.sequence) is not the one after which row \(entry.sequence) was written: it was changed, or all since was put in anew"
            return stop(.inserted, entry, message)
        }
        if entry.sequence == 1 { checkSeal(entry) }
        rows += 1
        last = (entry.sequence, hash)
        if hash == expected { expectedSequence = entry.sequence }
    }

    private mutating func checkSeal(_ entry: AuditEntry) {
        guard entry.action == Self.sealAction, entry.details["rows"]?.intValue == sealedRows,
            entry.details["digest"]?.stringValue == sealed.text()
        else {
            return stop(
                .sealBroken, entry,
                "the \(sealedRows) rows of before the chain are not the \(entry.details["rows"]?.intValue ?? 0) that its first row sealed")
        }
    }

    private mutating func stop(_ kind: AuditProblemKind, _ entry: AuditEntry, _ message: String) {
        problem = AuditProblem(kind: kind, sequence: entry.sequence, id: entry.id, message: message)
    }

    /// What all of it comes to.
    func result() -> AuditVerification {
        var problem = problem
        if problem == nil, rows == 0 {
            problem = AuditProblem(kind: .removed, sequence: nil, id: nil, message: "the chain has no rows")
        }
        if problem == nil, let expected, expectedSequence == nil {
            problem = AuditProblem(
                kind: .headMissing, sequence: nil, id: nil,
                message: "no row has the hash \(expected): the end of the log was cut off, or the log written anew")
        }
        return AuditVerification(
            rows: rows, sealedRows: Int64(sealedRows), headSequence: last.sequence, headHash: last.hash, expectedSequence: expectedSequence,
            problem: problem)
    }
}
