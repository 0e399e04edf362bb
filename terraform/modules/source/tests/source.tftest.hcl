run "the_buildpacks_layout" {
  command = plan

  assert {
    condition     = output.files["go.mod"] == "terraform/modules/source/receive.go.mod" && output.files["go.sum"] == "terraform/modules/source/receive.go.sum" && output.files["function.go"] == "functions/receive/cloudfunction/function.go"
    error_message = "The function lies at the root, beside go.mod."
  }

  assert {
    condition     = contains(keys(output.files), "shared/receiver/receiver.go")
    error_message = "Shared packages keep their paths."
  }

  assert {
    condition     = alltrue([for name, path in output.files : fileexists("${output.root}/${path}")])
    error_message = "Every file is there."
  }

  assert {
    condition     = alltrue([for name in keys(output.files) : !endswith(name, "_test.go") && (endswith(name, ".go") || startswith(name, "go.")) && !strcontains(name, "test/")])
    error_message = "Tests and documents are not in the zip: a change of one redeploys nothing."
  }
}
