"""Prints the table of numbering plans for crates/policy/src/personal/phone/plan.rs.

Needs `pip install phonenumbers` (Apache-2.0; libphonenumber's data).
"""

import phonenumbers
from phonenumbers.phonemetadata import PhoneMetadata

for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
    lengths = 0
    for region in regions:
        if region == "001":
            plan = PhoneMetadata.metadata_for_nongeo_region(code)
        else:
            plan = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
        for length in plan.general_desc.possible_length:
            if length >= 4:
                lengths |= 1 << length
    print(f"({code}, {lengths:#x}),")
