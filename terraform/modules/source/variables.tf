# The list depends on nothing but the repository this module lies in.
