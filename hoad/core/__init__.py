"""The engine: levels, boxes, primitives and the kinds that give every primitive its modes."""
