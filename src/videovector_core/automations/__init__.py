"""Automations: the standing orders of an index, to import what appears and to export what is finished."""
