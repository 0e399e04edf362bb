# Reading any other service's state goes through the Resource Manager API, so it has to be there
# first.
resource "google_project_service" "resource_manager" {
  project            = var.project_id
  service            = "cloudresourcemanager.googleapis.com"
  disable_on_destroy = false
}

# APIs stay enabled on destroy: the project may hold other things that use them.
resource "google_project_service" "api" {
  for_each = setsubtract(var.services, [google_project_service.resource_manager.service])

  project            = var.project_id
  service            = each.value
  disable_on_destroy = false

  depends_on = [google_project_service.resource_manager]
}

# An API answers, and its service agent has its role, some time after the enabling operation is
# done.
resource "time_sleep" "enabled" {
  create_duration = "60s"

  triggers = {
    project_id = var.project_id
    services   = join(",", sort(var.services))
  }

  depends_on = [google_project_service.api]
}
