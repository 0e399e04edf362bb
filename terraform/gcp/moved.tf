# What is in the module now was in this folder until version 0.3.

moved {
  from = module.apis
  to   = module.gemhook.module.apis
}

moved {
  from = module.backend
  to   = module.gemhook.module.backend
}

moved {
  from = module.receiver
  to   = module.gemhook.module.receiver
}

moved {
  from = module.edge
  to   = module.gemhook.module.edge
}

moved {
  from = module.observability
  to   = module.gemhook.module.observability
}
