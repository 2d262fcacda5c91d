"""How things look in a notebook's cell or a terminal: cards, tables, figures, colours, words.

May import every layer whose objects it shows, up to fleet; none of them imports it.
"""
