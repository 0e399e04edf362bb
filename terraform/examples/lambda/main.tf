# The receiver on AWS Lambda; topics, ledger and secrets lie on Google Cloud.

provider "aws" {
  region = "us-east-1"
}

provider "google" {
  project = "my-project"
}

provider "google-beta" {
  project = "my-project"
}

module "gemhook" {
  source = "../../modules/gemhook-aws"

  project_id   = "my-project"
  package      = var.package
  alarm_topics = ["arn:aws:sns:us-east-1:123456789012:on-call"]
}

variable "package" {
  description = "Path of the receiver's zip; null for the one that scripts/package makes."
  type        = string
  default     = null
}

output "next_steps" {
  description = "What to do next, with the exact commands."
  value       = module.gemhook.next_steps
}
