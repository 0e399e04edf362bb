output "root" {
  description = "Folder that the paths of `files` are relative to: the repository's root."
  value       = local.root
}

output "files" {
  description = "Files of the function's source: name in the zip to path in the repository."
  value       = local.files
}

output "runtime" {
  description = "Google's name of the runtime for the Go version that the function asks for, such as \"go126\"."
  value       = "go${join("", regex("(?m)^go ([0-9]+)\\.([0-9]+)", file("${local.root}/${local.modules["go.mod"]}")))}"
}
