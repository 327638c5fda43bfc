/// Which listeners to close, bind and keep to come from one set of endpoints to another.
struct ListenerPlan: Sendable, Equatable {
    /// Closed before anything is bound: endpoints that go, and those whose address another endpoint takes.
    var closeFirst: [String] = []
    /// To bind, in the order of the configuration. Where an endpoint has a listener still, that one is closed after the new one is bound.
    var bind: [String] = []

    /// `current` and `desired` are addresses as configured, by endpoint id; `order` is the order of the configuration.
    init(current: [String: EndpointAddress], desired: [String: EndpointAddress], order: [String]) {
        let taken = Set(desired.filter { current[$0.key] != $0.value && $0.value.port != 0 }.values)
        for (id, address) in current where desired[id] != address {
            if desired[id] == nil || taken.contains(address) { closeFirst.append(id) }
        }
        closeFirst.sort()
        bind = order.filter { current[$0] != desired[$0] }
    }
}
