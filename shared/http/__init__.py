"""HTTP as this system speaks it: HAL, problem details, paging, links."""
