import CatapultAPI
import Testing

@testable import CatapultCLI

@Suite struct DeployDecisionTests {
    private func decide(_ existing: Deployment?, replicas: Int? = nil) throws -> DeployDecision {
        try DeployDecision(existing: existing, version: Sample.version(), replicas: replicas)
    }

    @Test func whatIsNotThereIsCreated() throws { #expect(try decide(nil, replicas: 3) == .create) }

    @Test func whatRunsAsItShouldIsKept() throws {
        #expect(try decide(Sample.deployment()) == .keep(id: "d-1"))
        #expect(try decide(Sample.deployment(), replicas: 3) == .keep(id: "d-1"))
    }

    @Test func anotherNumberOfReplicasIsScaledTo() throws {
        #expect(try decide(Sample.deployment(), replicas: 5) == .scale(id: "d-1", replicas: 5))
        #expect(try decide(Sample.deployment(status: .deploying), replicas: 1) == .scale(id: "d-1", replicas: 1))
    }

    @Test(arguments: [DeploymentStatus.stopping, .stopped, .failed]) func whatDoesNotRunIsStarted(status: DeploymentStatus) throws {
        #expect(try decide(Sample.deployment(status: status)) == .start(id: "d-1", replicas: nil))
        #expect(try decide(Sample.deployment(status: status), replicas: 1) == .start(id: "d-1", replicas: 1))
    }

    @Test func whatIsUnderWayIsFollowed() throws { #expect(try decide(Sample.deployment(status: .deploying)) == .follow(id: "d-1")) }

    @Test func anotherVersionIsAConflict() {
        let error = #expect(throws: Complaint.self) { try decide(Sample.deployment(versionID: "v-0")) }
        #expect(error?.status == .conflict)
        #expect(error?.hint?.contains("--name") == true)
    }

    @Test func aRecordOfSomebodyElsesDeploymentIsAConflict() {
        #expect(throws: Complaint.self) { try decide(Sample.deployment(type: .metadata)) }
    }
}
