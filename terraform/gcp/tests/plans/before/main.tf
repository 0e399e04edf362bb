# The addresses that this root had while it held all modules itself, with no more arguments than
# needed.

terraform {
  required_providers {
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

module "edge" {
  source = "./edge"
  count  = 1
}

module "observability" {
  source = "./observability"
}

module "receiver" {
  source = "./receiver"
}
