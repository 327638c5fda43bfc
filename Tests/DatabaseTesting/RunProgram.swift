import Foundation
import Subprocess

#if canImport(System)
import System
#else
import SystemPackage
#endif

/// A program that failed, with the end of what it said.
public struct ProgramFailure: Error, CustomStringConvertible {
    public var description: String
}

/// Runs a program to its end and gives its standard output.
///
/// Not Foundation's `Process`: it takes a program for ended when a socket that the program inherits is closed, and a daemon that the
/// program leaves behind, as pg_ctl does, keeps that socket open.
@discardableResult
public func runProgram(_ name: String, _ arguments: [String], environment: [String: String] = [:]) async throws -> String {
    let updates = environment.map { (Environment.Key(stringLiteral: $0.key), $0.value as String?) }
    let result = try await run(
        name.contains("/") ? .path(FilePath(name)) : .name(name), arguments: Arguments(arguments),
        environment: .inherit.updating(Dictionary(uniqueKeysWithValues: updates)), input: .none, output: .string(limit: 16 << 20),
        error: .string(limit: 1 << 20))
    guard result.terminationStatus.isSuccess else {
        throw ProgramFailure(description: "\(name): \(result.terminationStatus): \(result.standardError.suffix(2000))")
    }
    return result.standardOutput
}
