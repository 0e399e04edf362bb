# The Go buildpack wants the function's package at the root of the uploaded
# source, beside go.mod. Only the packages that the function imports are in the
# list, so that a change of anything else redeploys nothing. scripts/package
# reads the same packages.json; tests compare it with the imports, and both lists.
locals {
  root       = "${path.module}/../../.."
  entrypoint = "functions/${var.function}/cloudfunction"
  packages   = jsondecode(file("${path.module}/packages.json"))[var.function]

  shared = merge([
    for folder in local.packages : {
      for name in fileset("${local.root}/${folder}", "*.go") : "${folder}/${name}" => "${folder}/${name}"
      if !endswith(name, "_test.go")
    }
  ]...)

  function = {
    for name in fileset("${local.root}/${local.entrypoint}", "*.go") : name => "${local.entrypoint}/${name}"
    if !endswith(name, "_test.go")
  }

  files = merge({ "go.mod" = "go.mod", "go.sum" = "go.sum" }, local.function, local.shared)
}
