import CatapultAPI

extension CatapultAPI.Operation: Presented {
    var handle: String { id }

    static let columns: [Table.Column] = [
        .init(title: "ID", isFixed: true), .init(title: "KIND"), .init(title: "STATE"), .init(title: "DONE", isNumber: true),
        .init(title: "MESSAGE"),
        .init(title: "CREATED"),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .init(id), .init(kind.rawValue), .state(state.rawValue), .init("\(Int(progress * 100))%"), .init(message),
            .init(RelativeTime.text(createdAt, now: now)),
        ]
    }

    func facts(now: Timestamp) -> [Fact] {
        [
            Fact("id", id), Fact("kind", kind.rawValue), .state("state", state.rawValue), Fact("progress", "\(Int(progress * 100))%"),
            Fact("message", message), Fact("error", error?["detail"]?.stringValue, tint: .bad), Fact("hint", error?["hint"]?.stringValue),
            Fact("works on", "\(subjectType) \(subjectID)"), Fact("result", result?.jsonText),
            Fact("attempts", attempts > 1 ? "\(attempts)" : nil), Fact("parent", parentID),
            Fact("cancel requested", cancelRequested ? "yes" : nil), Fact("asked for by", createdBy),
            Fact("created", RelativeTime.text(createdAt, now: now)), Fact("started", startedAt.map { RelativeTime.text($0, now: now) }),
            Fact("ended", finishedAt.map { RelativeTime.text($0, now: now) }),
        ].compactMap { $0 }
    }
}
