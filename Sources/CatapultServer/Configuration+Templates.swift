import Glibc

extension ServerConfiguration {
    /// Where templates lie when nobody says: `../share/catapult/templates` of an installed program, else `Templates` of the checkout that it was
    /// built in, else `Templates` of the working directory.
    public static func templatesBesideProgram() -> String {
        var folders: [String] = []
        if let program = realpath("/proc/self/exe", nil) {
            defer { free(program) }
            var parts = String(cString: program).split(separator: "/").dropLast()
            folders.append("/" + (parts.dropLast() + ["share", "catapult", "templates"]).joined(separator: "/"))
            while !parts.isEmpty {
                folders.append("/" + (parts + ["Templates"]).joined(separator: "/"))
                parts.removeLast()
            }
        }
        return folders.first { access("\($0)/README.md", R_OK) == 0 } ?? "Templates"
    }
}
