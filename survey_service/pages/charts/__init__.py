"""Charts: figures and words come in; SVG that needs neither script nor inline styles goes out. Pure.

Positions across are percentages and those down are pixels, so a chart is as wide as its place, and its letters stay as
large as the page's. Colours and line widths stand in `static/dashboard.css`.
"""
