import CatapultAPI
import Foundation
import Glibc
import Testing

@testable import CatapultServer

/// Both ways of opening: by openat2, and step by step as for kernels that lack it.
@Suite struct StorageListingTests {
    private static func with(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("catapult-listing-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for path in ["root/models/a", "root/Zoo", "root/.catapult/blobs", "outside/secret"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(path)", withIntermediateDirectories: true)
        }
        try "12345".write(toFile: "\(folder)/root/models/b.gguf", atomically: false, encoding: .utf8)
        try "x".write(toFile: "\(folder)/root/Apple", atomically: false, encoding: .utf8)
        try "x".write(toFile: "\(folder)/root/banana", atomically: false, encoding: .utf8)
        try "x".write(toFile: "\(folder)/outside/secret/key", atomically: false, encoding: .utf8)
        try body(folder)
    }

    @Test(arguments: [true, false]) func foldersComeFirstThenNamesWithoutCase(_ usesOpenat2: Bool) throws {
        try Self.with { folder in
            let listing = StorageListing(root: try BeneathRoot("\(folder)/root", usesOpenat2: usesOpenat2))
            for path in ["", "/", ".", "//./"] {
                let page = try listing.list(path, limit: 10, offset: 0)
                #expect(page.files.map(\.name) == ["models", "Zoo", "Apple", "banana"])
            }
            let files = try listing.list("/models/", limit: 10, offset: 0).files
            #expect(files.map(\.path) == ["models/a", "models/b.gguf"])
            #expect(files.map(\.type) == [.directory, .file])
            #expect(files[1].size == 5 && files[1].sizeBytes == 5 && files[1].modified != nil && !files[1].isDirectory)
        }
    }

    @Test(arguments: [true, false]) func whatIsNotThereOrNoFolderIsEmpty(_ usesOpenat2: Bool) throws {
        try Self.with { folder in
            let listing = StorageListing(root: try BeneathRoot("\(folder)/root", usesOpenat2: usesOpenat2))
            for path in ["nowhere", "models/b.gguf", "models/nowhere/deep"] {
                #expect(try listing.list(path, limit: 10, offset: 0).files.isEmpty)
            }
        }
    }

    @Test(arguments: [true, false]) func nothingLeadsOut(_ usesOpenat2: Bool) throws {
        try Self.with { folder in
            let root = "\(folder)/root"
            symlink("../outside", "\(root)/up")
            symlink("\(folder)/outside", "\(root)/absolute")
            symlink("/proc/self/root", "\(root)/magic")
            symlink("loop", "\(root)/loop")
            symlink("../../outside", "\(root)/models/deep")
            let listing = StorageListing(root: try BeneathRoot(root, usesOpenat2: usesOpenat2))
            for path in [
                "..", "../outside", "models/../../outside", "/..", "up", "up/secret", "absolute", "absolute/secret", "magic", "magic/etc",
                "loop", "models/deep", "models/..", ".catapult", ".catapult/blobs", "/./.catapult", "a\0b", "/proc/self/../..",
                String(repeating: "a/", count: 4_000),
            ] {
                do {
                    let page = try listing.list(path, limit: 10, offset: 0)
                    // The stepwise way takes a link for something that is no folder.
                    #expect(page.files.isEmpty, "\(path)")
                } catch let error as CatapultError {
                    #expect(error.status == 400 && error.type == "InvalidPathError", "\(path)")
                }
            }
            let types = Dictionary(uniqueKeysWithValues: try listing.list("", limit: 20, offset: 0).files.map { ($0.name, $0.type) })
            #expect(types["up"] == .link && types["magic"] == .link && types["models"] == .directory)
        }
    }

    @Test func linksWithinAreFollowedByTheKernel() throws {
        try Self.with { folder in
            symlink("models", "\(folder)/root/alias")
            let root = try BeneathRoot("\(folder)/root")
            #expect(try StorageListing(root: root).list("alias", limit: 10, offset: 0).files.map(\.name) == ["a", "b.gguf"])
        }
    }

    @Test func aFolderThatBecomesALinkBetweenTwoLooksLeadsNowhere() throws {
        try Self.with { folder in
            let root = "\(folder)/root"
            let listing = StorageListing(root: try BeneathRoot(root))
            #expect(try listing.list("models", limit: 10, offset: 0).files.count == 2)
            try FileManager.default.removeItem(atPath: "\(root)/models")
            symlink("../outside", "\(root)/models")
            #expect(throws: CatapultError.self) { try listing.list("models/secret", limit: 10, offset: 0) }
        }
    }

    /// Whoever checks a path first and opens it then is caught here.
    @Test(arguments: [true, false]) func aLinkThatIsSwappedAllTheTimeNeverLeadsOut(_ usesOpenat2: Bool) throws {
        try Self.with { folder in
            let root = "\(folder)/root"
            let listing = StorageListing(root: try BeneathRoot(root, usesOpenat2: usesOpenat2))
            let swaps = 4_000
            // One thread swaps, the other looks.
            DispatchQueue.concurrentPerform(iterations: 2) { part in
                for number in 0..<swaps {
                    if part == 0 {
                        symlink(number.isMultiple(of: 2) ? "models" : "../outside", "\(root)/next")
                        rename("\(root)/next", "\(root)/flip")
                    } else {
                        for path in ["flip", "flip/secret", "flip/../flip/secret"] {
                            let names = (try? listing.list(path, limit: 10, offset: 0).files.map(\.name)) ?? []
                            #expect(names.isEmpty || names == ["a", "b.gguf"], "\(path): \(names)")
                        }
                    }
                }
            }
        }
    }

    @Test func specialFilesAreShownAndNotOpened() throws {
        try Self.with { folder in
            #expect(mkfifo("\(folder)/root/pipe", 0o600) == 0)
            let listing = StorageListing(root: try BeneathRoot("\(folder)/root"))
            let pipe = try #require(try listing.list("", limit: 10, offset: 0).files.first { $0.name == "pipe" })
            #expect(pipe.type == .other && pipe.size == 0)
            #expect(try listing.list("pipe", limit: 10, offset: 0).files.isEmpty)
        }
    }

    @Test func hugeFoldersArePagedAndCut() throws {
        try Self.with { folder in
            for number in 0..<50 {
                try "".write(toFile: "\(folder)/root/models/a/f\(100 + number)", atomically: false, encoding: .utf8)
            }
            let root = try BeneathRoot("\(folder)/root")
            let page = try StorageListing(root: root).list("models/a", limit: 3, offset: 48)
            #expect(page.files.map(\.name) == ["f148", "f149"] && page.total == 50 && !page.isCut)
            let cut = try StorageListing(root: root, maximumEntries: 10).list("models/a", limit: 100, offset: 0)
            #expect(cut.isCut && cut.files.count == 10)
        }
    }
}
