output "root" {
  description = "Folder that the paths of `files` are relative to: the repository's root."
  value       = local.root
}

output "files" {
  description = "Files of the function's source: name in the zip to path in the repository."
  value       = local.files
}
