/// Recognises common licenses by how their texts begin. Says nothing where it is not sure.
public enum LicenseText {
    /// The SPDX identifier of a license's text, or nil.
    ///
    /// - Parameter source: a file such as `LICENSE`; its first 8 KiB are looked at.
    public static func identifier(_ source: any ByteSource) throws(ModelFileError) -> String? {
        let head = try source.read(at: 0, count: 8 << 10)
        let words = String(decoding: head, as: UTF8.self).lowercased().split { $0.isWhitespace || "*#=_".contains($0) }.joined(
            separator: " ")
        return rules.first { rule in rule.all.allSatisfy(words.contains) }?.identifier
    }

    /// From the most special to the most general: BSD's third clause is what tells it from the license with two.
    private static let rules: [(identifier: String, all: [String])] = [
        ("Apache-2.0", ["apache license", "version 2.0, january 2004"]),
        ("AGPL-3.0", ["gnu affero general public license", "version 3, 19 november 2007"]),
        ("LGPL-3.0", ["gnu lesser general public license", "version 3, 29 june 2007"]),
        ("GPL-3.0", ["gnu general public license", "version 3, 29 june 2007"]),
        ("GPL-2.0", ["gnu general public license", "version 2, june 1991"]),
        ("MPL-2.0", ["mozilla public license version 2.0"]),
        ("CC-BY-NC-SA-4.0", ["attribution-noncommercial-sharealike 4.0 international"]),
        ("CC-BY-NC-ND-4.0", ["attribution-noncommercial-noderivatives 4.0 international"]),
        ("CC-BY-NC-4.0", ["attribution-noncommercial 4.0 international"]),
        ("CC-BY-SA-4.0", ["attribution-sharealike 4.0 international"]),
        ("CC-BY-4.0", ["attribution 4.0 international", "creative commons"]),
        ("CC0-1.0", ["cc0 1.0 universal"]),
        ("Unlicense", ["this is free and unencumbered software released into the public domain"]),
        (
            "MIT",
            ["permission is hereby granted, free of charge", "the above copyright notice and this permission notice shall be included"]
        ),
        (
            "BSD-3-Clause",
            ["redistribution and use in source and binary forms", "neither the name of", "without specific prior written permission"]
        ),
        ("BSD-2-Clause", ["redistribution and use in source and binary forms", "2. redistributions in binary form"]),
        ("ISC", ["permission to use, copy, modify, and/or distribute this software for any purpose with or without fee"]),
        ("llama3.3", ["llama 3.3 community license agreement"]),
        ("llama3.2", ["llama 3.2 community license agreement"]),
        ("llama3.1", ["llama 3.1 community license agreement"]),
        ("llama3", ["meta llama 3 community license agreement"]),
        ("llama2", ["llama 2 community license agreement"]),
    ]
}
