"""Of which parts are the two dashboards made?"""
