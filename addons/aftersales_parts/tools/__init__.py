"""What the models do without a database: plain Python, so that it can be tested by itself."""

from . import fapiao_archive, fapiao_capitals, fapiao_data, fapiao_ofd, fapiao_xml
