# The addresses that this root had while it held all modules itself, with no more arguments than
# needed.

terraform {
  required_providers {
    aws         = { source = "hashicorp/aws" }
    google      = { source = "hashicorp/google" }
    google-beta = { source = "hashicorp/google-beta" }
    time        = { source = "hashicorp/time" }
  }
}

module "apis" {
  source = "./apis"
}

module "backend" {
  source = "./backend"
}

module "lambda" {
  source = "./lambda"
}

module "observability" {
  source = "./observability"
}
