"""Names at the hub, one table of cases for plan/ and the programs in pods: what stays where it is put, and what not."""

COMMIT = "0123456789" * 4
GOOD = {
    "repo": [
        "Qwen/Qwen3-8B-GGUF", "a/b", "openbmb/MiniCPM-V-4_5-gguf", "_x/y_", "01-ai/Yi-1.5-9B", "a.b/c.d",
        "a" * 96 + "/b",
    ],
    "path": [
        "a-Q4_K_M.gguf", "Q8_0/a-Q8_0-00001-of-00002.gguf", "a b.gguf", ".hidden/x.gguf", "x..y.gguf",
        "\u6a21\u578b-Q4_K_M.gguf", "$(HF_TOKEN)-Q4_K_M.gguf", "a$$b.gguf", "a%2e%2e.gguf", "a#b?c.gguf",
    ],
}  # fmt: skip
BAD = {
    "repo": [
        "../dir", "./.", "../..", "a/..", "/a/b", "a/b/", "a//b", "a", "a/b/c", "", "Qw\u0435n/Qwen3-8B-GGUF",
        "Qwen/Qwen\uff13-8B", "a/b\n", "a/b\0", "a\\b/c", "-a/b", "a/-b", "a/b-", "a./b", "a/b.", "a/.b",
        "a b/c", "a/b?x", "a/b#x", "a/b--c", "a/b..c", "a/b.git", "a" * 97 + "/b", "https://x/y", "a/b\u202e",
        "a/b\u200b", "~/x", "$(X)/y", "%2e%2e/x", "a\ud800/b",
    ],
    "path": [
        "./x.gguf", "a//x.gguf", "x\0.gguf", "../x.gguf", "/x.gguf", "a/../x.gguf", "a/./x.gguf", "a/..", "",
        ".gguf/", "-x.gguf", "a/-x.gguf", " x.gguf", "a /x.gguf", "a./x.gguf", "x.gguf ", "x.gguf.",
        "a\\x.gguf", "..\\x.gguf", "x\n.gguf", "x\x1b[2J.gguf", "x\u202e.gguf", "x\u200b.gguf", "x\xa0.gguf",
        "x\ud800.gguf", "x" * 251 + ".gguf", "a/" * 600 + "x.gguf", "\xe9" * 126 + ".gguf", "README.md",
        "x.GGUF",
    ],
}  # fmt: skip
# Only plan/ and ops know revisions: a pod is given the commit.
GOOD_REVISIONS = ["main", COMMIT, "v1.0", "refs/pr/1", "feature/x_y", "v1.0+build", "a-b"]
BAD_REVISIONS = [
    "../../../secret", "..", ".", "./main", "a/../b", "/main", "main/", "a//b", "-main", "--help", "a/-b",
    "a/.b", "a./b", "main.", "main.lock", "", "ma in", "main\n", "main\0", "a\\b", "a~1", "a^", "a:b", "a?b",
    "a*", "a[", "a@{1}", "m\u0430in", "m\u200bain", "x" * 256, "$(X)", "a%2fb", "\u202e",
]  # fmt: skip
