terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.47"
    }

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
  }
}
