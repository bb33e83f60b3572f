"""From a request to the bytes of its response.

Where to look for what:

    plugin       registering a route: paths, options, Bottle's plugin API
    negotiation  which format and which checks the query and the headers select
    response     status and headers of a response, and how it is sent
    callbacks    calling users' functions without changing the request's state
    formats      a module for each format; formats/__init__ has their list
"""
