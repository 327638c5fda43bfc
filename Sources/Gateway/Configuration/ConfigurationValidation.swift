extension GatewayConfiguration {
    /// Throws ``GatewayError/invalidConfiguration(_:)`` for what could not be served as written.
    func validate() throws(GatewayError) {
        var ids = Set<String>()
        var addresses = Set<EndpointAddress>()
        for endpoint in endpoints {
            guard ids.insert(endpoint.id).inserted else {
                throw .invalidConfiguration("endpoint id \"\(endpoint.id)\" is used twice")
            }
            guard endpoint.address.port == 0 || addresses.insert(endpoint.address).inserted else {
                throw .invalidConfiguration("address \(endpoint.address) is used by two endpoints")
            }
            try endpoint.validate()
        }
    }
}

extension EndpointConfiguration {
    fileprivate func validate() throws(GatewayError) {
        guard !address.host.isEmpty, 0...65535 ~= address.port else {
            throw .invalidConfiguration("endpoint \"\(id)\": \(address) is no address; a host and a port of 0 to 65535 are needed")
        }
        var ids = Set<String>()
        for upstream in upstreams {
            guard ids.insert(upstream.id).inserted else {
                throw .invalidConfiguration("endpoint \"\(id)\": upstream id \"\(upstream.id)\" is used twice")
            }
            guard !upstream.host.isEmpty, 1...65535 ~= upstream.port else {
                throw .invalidConfiguration("endpoint \"\(id)\": upstream \"\(upstream.id)\" needs a host and a port of 1 to 65535")
            }
            guard !upstream.id.isEmpty, upstream.id.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
                throw .invalidConfiguration("endpoint \"\(id)\": an upstream id must be visible ASCII, it is sent as a header")
            }
        }
        for (name, limit) in [
            ("connect", timeouts.connect), ("responseHead", timeouts.responseHead), ("bodyIdle", timeouts.bodyIdle),
            ("upstreamIdle", timeouts.upstreamIdle),
        ] where limit <= .zero {
            throw .invalidConfiguration("endpoint \"\(id)\": timeout \(name) must be positive, it is \(limit)")
        }
    }
}
