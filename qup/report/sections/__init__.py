"""The sections of the page, one per file: frozen dataclasses, `numbers` that fills them, `show` that says them.

`qup/report/contents.py` has their order.
"""
