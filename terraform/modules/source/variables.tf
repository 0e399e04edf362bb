variable "function" {
  type        = string
  default     = "receive"
  description = "Name of the function, a folder below `functions`."
}
