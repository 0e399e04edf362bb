# How the printed commands call the command line. The other module links to this file.

variable "gemhook" {
  description = "The command line as the printed commands call it: \"gemhook\" where it is installed, \"scripts/gemhook\" at the top of a checkout."
  type        = string
  default     = "gemhook"
  nullable    = false
}

variable "terraform_dir" {
  description = "Folder of the configuration whose outputs the command line reads, as the printed commands name it. Null: they give it the settings in environment variables instead."
  type        = string
  default     = null
}
