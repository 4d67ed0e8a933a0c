"""What stage `report` draws: the page, its charts, the plot data that DVC compares.

Take `page.write_page` and `plots.write_plots`. Imports agreement, handover and below.
"""
