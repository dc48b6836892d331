"""Derivatives of the effective response of a cell: tangents, sensitivities, Hessian-vector products, Taylor expansions."""
