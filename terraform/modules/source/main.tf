# The Go buildpack wants the function's package at the root of the uploaded source, beside go.mod.
# Only the packages and modules that the function is built from are listed here, so that a change of
# anything else redeploys nothing. scripts/package reads the same files, and renews them with
# --renew; tests compare them with the imports.
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

  modules = { for name in ["go.mod", "go.sum"] : name => "terraform/modules/source/${var.function}.${name}" }

  files = merge(local.modules, local.function, local.shared)
}
