terraform {
  required_version = ">= 1.11"

  # Those that only modules use are named too: a test can mock no other.
  required_providers {
    archive = {
      source  = "hashicorp/archive"
      version = "~> 2.8"
    }

    google = {
      source  = "hashicorp/google"
      version = ">= 7.45, < 9.0"
    }

    google-beta = {
      source  = "hashicorp/google-beta"
      version = ">= 7.45, < 9.0"
    }

    random = {
      source  = "hashicorp/random"
      version = "~> 3.9"
    }

    time = {
      source  = "hashicorp/time"
      version = "~> 0.14"
    }
  }
}
