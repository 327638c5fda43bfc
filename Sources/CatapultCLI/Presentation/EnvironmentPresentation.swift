import CatapultAPI

extension CatapultAPI.Environment: Presented {
    var handle: String { name }

    static let columns: [Table.Column] = [
        .init(title: "NAME"), .init(title: "TYPE"), .init(title: "RESOURCES PER REPLICA"), .init(title: "CREATED BY"),
        .init(title: "UPDATED"),
    ]

    func row(now: Timestamp) -> [Table.Cell] {
        [
            .init(name), .init(type.rawValue), .init(ResourceText.text(resources)),
            implied ? .init("a deployment", tint: .dim) : .init("hand"), .init(RelativeTime.text(updatedAt, now: now)),
        ]
    }

    func facts(now: Timestamp) -> [Fact] {
        [
            Fact("name", name), Fact("id", id), Fact("type", type.rawValue), Fact("resources per replica", ResourceText.text(resources)),
            Fact("description", description), Fact("implied", implied ? "yes: a deployment named it first" : nil),
            Fact("created", RelativeTime.text(createdAt, now: now)), Fact("updated", RelativeTime.text(updatedAt, now: now)),
        ].compactMap { $0 }
    }
}
