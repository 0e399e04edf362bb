# The Go buildpack wants the function's package at the root of the uploaded
# source, beside go.mod. Only what the build reads is in the list, so that a
# change of anything else redeploys nothing. scripts/package follows the same
# rule, and a test compares the two.
locals {
  root     = "${path.module}/../../.."
  function = "functions/receive/cloudfunction"

  shared = {
    for path in fileset(local.root, "shared/**/*.go") : path => path
    if !endswith(path, "_test.go") && !can(regex("test/", path)) # test helpers' folders end in "test"
  }

  entrypoint = {
    for name in fileset("${local.root}/${local.function}", "*.go") : name => "${local.function}/${name}"
    if !endswith(name, "_test.go")
  }

  files = merge({ "go.mod" = "go.mod", "go.sum" = "go.sum" }, local.entrypoint, local.shared)
}
