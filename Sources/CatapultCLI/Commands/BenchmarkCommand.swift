import ArgumentParser
import Catapult
import CatapultAPI
import LoadTesting

/// `mcp benchmark`.
struct BenchmarkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "benchmark", abstract: "Measure deployments.", subcommands: [Run.self])

    struct Run: SessionCommand {
        static let configuration = CommandConfiguration(
            abstract: "Measure a deployment with streamed chat completions.",
            discussion: """
                With --concurrency so many clients ask again as soon as they are answered (closed loop). With --rate requests come at their own \
                times, like independent users (open loop), and a latency counts from when a request was due. Failures enter no percentile.
                """
        )

        @OptionGroup var target: DeploymentTarget
        @Option(help: ArgumentHelp("How long to send.", valueName: "duration")) var duration: TimeSpan?
        @Option(help: ArgumentHelp("How many requests to send, instead of --duration.", valueName: "n")) var requests: Int?
        @Option(help: ArgumentHelp("Clients, or requests in flight at most with --rate.", valueName: "n")) var concurrency: Int?
        @Option(help: ArgumentHelp("Requests per second, at random times (Poisson).", valueName: "number")) var rate: Double?
        @Option(name: .customLong("warm-up"), help: ArgumentHelp("Requests that are sent first and not counted.", valueName: "n"))
        var warmUp = 1
        @Option(help: ArgumentHelp("What to ask.", valueName: "text")) var prompt = "Say something about catapults."
        @Option(name: .customLong("max-tokens"), help: ArgumentHelp("The most tokens of an answer.", valueName: "n")) var maxTokens = 64
        @OptionGroup var global: GlobalOptions

        func validate() throws {
            if duration != nil, requests != nil { throw ValidationError("--duration and --requests exclude each other") }
            if maxTokens < 1 { throw ValidationError("--max-tokens is \(maxTokens); 1 or more is allowed") }
            if warmUp < 0 { throw ValidationError("--warm-up is \(warmUp); 0 or more is allowed") }
        }

        func run(in session: Session) async throws {
            let deployment = try await session.connect().send(GetDeployment(deploymentID: target.name()))
            let chat = try await deployment.chatClient()
            let plan = try plan(chat)
            try plan.validate()
            let line = ProgressLine(session)
            let report = try await LoadTest.run(plan) { progress in
                line.show(
                    ProgressBar(
                        label: "measuring \(deployment.name)", fraction: progress.fraction,
                        detail: "\(progress.succeeded) answers, \(progress.failed) failures"),
                    step: "measuring \(deployment.name)"
                )
            }
            line.clear()
            try BenchmarkReport(deployment: deployment.name, report: report).write(to: session)
            if report.counts.succeeded == 0 {
                throw Complaint(.unavailable, "no request succeeded", hint: "Look at `mcp logs --deployment \(deployment.name)`.")
            }
        }

        private func plan(_ chat: ChatClient) throws -> LoadTest.Plan {
            let mode: LoadTest.Mode =
                rate.map { .openLoop(ratePerSecond: $0, arrivals: .poisson(seed: 1), maximumInFlight: concurrency ?? 256) }
                ?? .closedLoop(concurrency: concurrency ?? 4)
            let stop: LoadTest.Stop = requests.map { .requests($0) } ?? .duration(duration?.duration ?? .seconds(10))
            var plan = LoadTest.Plan(target: try .init(chat.endpoint.root + "/v1/chat/completions"), mode: mode, stop: stop)
            plan.method = "POST"
            plan.headers = [
                .init("Content-Type", "application/json"), .init("Accept", "text/event-stream"),
                .init("User-Agent", "catapult/\(CatapultVersion.current)"),
            ]
            plan.body =
                ChatClient.body([ChatMessage(.user, prompt)], model: chat.model, options: ChatOptions(maxTokens: maxTokens)).jsonBytes
            plan.warmUp = warmUp > 0 ? .requests(warmUp) : .none
            plan.streaming = .serverSentEvents
            return plan
        }
    }
}
