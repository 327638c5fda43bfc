import Logging
import ServiceLifecycle

/// Writes when keys were last used, once a minute and at the end; and hears of keys that other servers changed.
struct KeyUseRecorder: Service {
    let authenticator: Authenticator
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await authenticator.followChanges() }
                while (try? await Task.sleep(for: .seconds(60))) != nil { await save() }
                group.cancelAll()
            }
        }
        await save()
    }

    private func save() async {
        do {
            try await authenticator.saveUse()
        } catch {
            logger.warning("cannot record the use of keys", metadata: ["error": "\(error)"])
        }
    }
}
