terraform {
  required_version = ">= 1.11"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.45, < 9.0"
    }

    google-beta = {
      source  = "hashicorp/google-beta"
      version = ">= 7.45, < 9.0"
    }

    time = {
      source  = "hashicorp/time"
      version = "~> 0.14"
    }

    archive = {
      source  = "hashicorp/archive"
      version = "~> 2.8"
    }
  }
}
