# Remembers what the instance was made with. Another project, name or location of the ledger would
# be another instance: refused by the plan, before anything of this one is destroyed.
resource "terraform_data" "identity" {
  input = {
    project_id         = var.project_id
    name               = var.name
    firestore_location = var.firestore_location
  }

  lifecycle {
    ignore_changes = [input]

    precondition {
      condition     = local.kms_location == null || alltrue([for place in concat([var.firestore_location], local.secret_locations, compact([var.storage.data_location])) : place == local.kms_location])
      error_message = "A key of Cloud KMS serves only what lies in its region, ${coalesce(local.kms_location, "-")}: write firestore_location and what storage names in that region, or take a key of another."
    }

    postcondition {
      condition     = self.input.project_id == var.project_id && self.input.name == var.name
      error_message = "This state holds the instance \"${self.input.name}\" of project ${self.input.project_id}. For another one use a state of its own, such as a workspace; to rename this one, destroy it first."
    }

    postcondition {
      condition     = self.input.firestore_location == var.firestore_location
      error_message = "The ledger lies in ${self.input.firestore_location} and can never be moved: write firestore_location = \"${self.input.firestore_location}\"."
    }
  }
}

# Depends on everything, and so is the first to be destroyed. While the protection is on it fails,
# and nothing else is destroyed.
resource "terraform_data" "protection" {
  input = var.deletion_protection ? "exit 1" : "exit 0"

  provisioner "local-exec" {
    when    = destroy
    command = "echo 'exit 1 means: deletion_protection is on; apply with deletion_protection = false, then destroy.' && ${self.output}"
  }

  depends_on = [
    module.apis, module.backend, module.lambda, module.observability,
    module.collect, module.collect_function, module.reconcile, module.reconcile_function, aws_scheduler_schedule.reconcile,
  ]
}
