"""Tables as programs and people write them, and what becomes of each.

tests/core/usertables/test_odd_tables.py holds the operator to it, and docs/tables.md shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Odd:
    """A table that is odd in one way: what wrote it, and the texts of PARAM_… for each case, or what is refused.

    `left_out`, `renamed`: what status says of the columns. `says`: the start of the message, or the format in status.
    """

    title: str
    content: str | bytes
    cases: Sequence[dict[str, str]] = ()
    says: str
    key: str = "cases.csv"
    renamed: dict[str, str | None] | None = None

    @property
    def is_read(self) -> bool:
        """Whether the table is read."""
        return bool(self.cases)


COMMAS: Final = "CSV, separated by commas"
SEMICOLONS: Final = "CSV, separated by semicolons"
DECIMAL_COMMAS: Final = "CSV, separated by semicolons, with decimal commas"
BLANKS: Final = "CSV, separated by blanks"

ODD_TABLES: Final = (
    Odd(
        title="pandas to_csv writes an index column without a name",
        content=",mesh,re\n0,coarse,100000\n1,fine,1000000\n",
        cases=[{"mesh": "coarse", "re": "100000"}, {"mesh": "fine", "re": "1000000"}],
        says=COMMAS,
        renamed={"": None},
    ),
    Odd(
        title="pandas to_csv of filtered rows has gaps in its index",
        content=",mesh,tol\n3,coarse,1e-06\n17,fine,0.001\n",
        cases=[{"mesh": "coarse", "tol": "1e-06"}, {"mesh": "fine", "tol": "0.001"}],
        says=COMMAS,
        renamed={"": None},
    ),
    Odd(
        title="pandas to_csv of rows that hold nothing but their index",
        content=",mesh,re\n0,coarse,100000\n1,,\n2,fine,1000000\n",
        cases=[{"mesh": "coarse", "re": "100000"}, {"mesh": "fine", "re": "1000000"}],
        says=COMMAS,
        renamed={"": None},
    ),
    Odd(
        title="pandas calls the index Unnamed: 0 after it has read and written a file",
        content="Unnamed: 0,mesh\n0,coarse\n1,fine\n",
        cases=[{"mesh": "coarse"}, {"mesh": "fine"}],
        says=COMMAS,
        renamed={"Unnamed: 0": None},
    ),
    Odd(
        title="pandas to_csv with names of rows in an index without a name",
        content=",re\nwing-a,100000\nwing-b,200000\n",
        says="line 1: column 1 has no name, and does not number the rows: give it one, or leave it out",
    ),
    Odd(
        title="pandas to_csv of an array without names of columns",
        content=",0,1\n0,0.5,2.0\n1,0.6,3.0\n",
        says="line 1: there are numbers where the names of the columns belong: add a header line",
    ),
    Odd(
        title="Excel in German saves CSV UTF-8 with semicolons and decimal commas",
        content="\ufeffNetz;Winkel;Re\r\ngrob;2,5;100000\r\nfein;5,0;1,0E+06\r\n".encode(),
        cases=[
            {"Netz": "grob", "Winkel": "2.5", "Re": "100000"},
            {"Netz": "fein", "Winkel": "5.0", "Re": "1.0E+06"},
        ],
        says=DECIMAL_COMMAS,
    ),
    Odd(
        title="Excel in German saves CSV in Windows-1252",
        content="Größe;Winkel\r\nklein;2,5\r\n".encode("windows-1252"),
        says='line 1: byte 0xf6 is not UTF-8. In Excel, save the sheet as "CSV UTF-8"; elsewhere: iconv -f',
    ),
    Odd(
        title="Excel saves Unicode Text as UTF-16 with tabs",
        content="\ufeffmesh\tangle\r\ncoarse\t2.5\r\nfine\t5\r\n".encode("utf-16-le"),
        cases=[{"mesh": "coarse", "angle": "2.5"}, {"mesh": "fine", "angle": "5"}],
        says="CSV, separated by tabs",
    ),
    Odd(
        title="Excel in German saves text with tabs and decimal commas",
        content="Netz\tWinkel\r\ngrob\t2,5\r\nfein\t12,25\r\n",
        cases=[{"Netz": "grob", "Winkel": "2.5"}, {"Netz": "fein", "Winkel": "12.25"}],
        says="CSV, separated by tabs, with decimal commas",
    ),
    Odd(
        title="Excel leaves ghost rows and columns where cells were emptied",
        content="mesh,re,,\r\ncoarse,100000,,\r\n,,,\r\nfine,1000000,,\r\n,,,\r\n,,,\r\n",
        cases=[{"mesh": "coarse", "re": "100000"}, {"mesh": "fine", "re": "1000000"}],
        says=COMMAS,
    ),
    Odd(
        title="Excel's own first line names the separator",
        content="sep=;\r\nmesh;re\r\ncoarse;100000\r\n",
        cases=[{"mesh": "coarse", "re": "100000"}],
        says=SEMICOLONS,
    ),
    Odd(
        title="Excel in German shows thousands with a point",
        content="Netz;Winkel;Re\r\ngrob;2,5;1.234,5\r\nfein;5,0;100.000\r\n",
        says="line 2: column 'Re': '1.234,5' is a number that few programs read: write digits, a sign",
    ),
    Odd(
        title="Excel in German shows whole numbers with points between thousands",
        content="Netz;Re\r\ngrob;12.500\r\nfein;100.000\r\n",
        says="line 2: column 'Re': is '12.500' 12.5 or 12500? Write no separators of thousands, and fewer or more",
    ),
    Odd(
        title="Excel in German shows all numbers with three decimals",
        content="Netz;Winkel\r\ngrob;12,500\r\nfein;7,250\r\n",
        says="line 2: column 'Winkel': is '12,500' 12.5 or 12500? Write no separators of thousands, and fewer or more",
    ),
    Odd(
        title="Excel in German shows a column with three decimals, and another shows that the commas are decimal",
        content="Dicke;Winkel\r\n12,500;2,5\r\n7,250;0,25\r\n",
        cases=[{"Dicke": "12.500", "Winkel": "2.5"}, {"Dicke": "7.250", "Winkel": "0.25"}],
        says=DECIMAL_COMMAS,
    ),
    Odd(
        title="Excel in German with a percentage among numbers",
        content="Netz;Anteil\r\ngrob;2,5\r\nfein;5%\r\n",
        says="line 3: column 'Anteil': '5%' is not a number with a decimal comma, as '2,5' in line 2 is: write all its",
    ),
    Odd(
        title="Excel in German with a cell that holds an error",
        content="Netz;Winkel\r\ngrob;2,5\r\nfein;#DIV/0!\r\n",
        says="line 3: '#DIV/0!' is a spreadsheet's error: correct the cell",
    ),
    Odd(
        title="Excel in German saves one column, which needs no semicolon",
        content="Winkel\r\n2,5\r\n3,5\r\n",
        says="line 2: each row has one cell more than the header. If numbers have decimal commas, put a first line",
    ),
    Odd(
        title="one column of decimal commas below a first line that names the separator",
        content="sep=;\nWinkel\n2,5\n3\n",
        cases=[{"Winkel": "2.5"}, {"Winkel": "3"}],
        says=DECIMAL_COMMAS,
    ),
    Odd(
        title="Excel in French shows thousands with narrow blanks that do not break",
        content="maillage;Re\r\ngrossier;12\u202f500\r\nfin;100\u202f000\r\n",
        says="line 2: column 'Re': '12\\u202f500' is a number that few programs read: write digits, a sign",
    ),
    Odd(
        title="Excel in French with percentages",
        content="maillage;taux\r\ngrossier;2,5 %\r\nfin;0,5 %\r\n",
        says="line 2: column 'taux': '2,5 %' is a number that few programs read: write digits, a sign",
    ),
    Odd(
        title="Excel in Swiss German has semicolons and decimal points",
        content="Netz;Winkel\r\ngrob;2.5\r\nfein;12.25\r\n",
        cases=[{"Netz": "grob", "Winkel": "2.5"}, {"Netz": "fein", "Winkel": "12.25"}],
        says=SEMICOLONS,
    ),
    Odd(
        title="Excel in Swiss German shows thousands with apostrophes",
        content="Netz;Re\r\ngrob;1\u2019234.5\r\nfein;100.5\r\n",
        says="line 2: column 'Re': '1\u2019234.5' is a number that few programs read: write digits, a sign",
    ),
    Odd(
        title="a minus sign copied from a document",
        content="mesh,angle\ncoarse,\u22125\nfine,5\n",
        says="line 2: column 'angle': '\u22125' is a number that few programs read: write digits, a sign",
    ),
    Odd(
        title="Excel in English puts thousands in quotes",
        content='mesh,re\r\ncoarse,"100,000"\r\nfine,"1,000,000"\r\n',
        says="line 2: column 're': is '100,000' a number, or a list? Write a number with a point and without",
    ),
    Odd(
        title="Excel in English saves text with tabs and thousands",
        content="mesh\tre\r\ncoarse\t1,250,000\r\nfine\t2,500,000\r\n",
        says="line 2: column 're': '1,250,000' is a number that few programs read: write digits, a sign",
    ),
    Odd(
        title="an Excel workbook under a name that ends in csv",
        content=b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00",
        says='it is an Excel, LibreOffice or Numbers file, or a ZIP: save the sheet as "CSV UTF-8"',
    ),
    Odd(
        title="LibreOffice quotes all texts",
        content='"Wall thickness [mm]","mesh"\n2.5,"a, b"\n3,"c ""d"""\n',
        cases=[{"Wall_thickness_mm": "2.5", "mesh": "a, b"}, {"Wall_thickness_mm": "3", "mesh": 'c "d"'}],
        says=COMMAS,
        renamed={"Wall thickness [mm]": "Wall_thickness_mm"},
    ),
    Odd(
        title="LibreOffice in German separates by commas by default",
        content='Netz,Winkel\ngrob,"2,5"\nfein,"12,25"\n',
        says="line 2: column 'Winkel': is '2,5' a number, or a list? Write a number with a point and without",
    ),
    Odd(
        title="lists in quotes",
        content='mesh,inlet\ncoarse,"1,0,0"\nfine,"0,1"\n',
        cases=[{"mesh": "coarse", "inlet": "1,0,0"}, {"mesh": "fine", "inlet": "0,1"}],
        says=COMMAS,
    ),
    Odd(
        title="Numbers exports the empty rest of its sheet",
        content="mesh,re,,,,\ncoarse,1.00E+05,,,,\n,,,,,\n,,,,,\n",
        cases=[{"mesh": "coarse", "re": "1.00E+05"}],
        says=COMMAS,
    ),
    Odd(
        title="R write.csv writes row numbers under an empty name",
        content='"","mesh","re"\n"1","coarse",1e+05\n"2","fine",1e+06\n',
        cases=[{"mesh": "coarse", "re": "1e+05"}, {"mesh": "fine", "re": "1e+06"}],
        says=COMMAS,
        renamed={"": None},
    ),
    Odd(
        title="R write.csv2 writes semicolons and decimal commas",
        content='"";"mesh";"angle"\n"1";"coarse";2,5\n"2";"fine";0,25\n',
        cases=[{"mesh": "coarse", "angle": "2.5"}, {"mesh": "fine", "angle": "0.25"}],
        says=DECIMAL_COMMAS,
        renamed={"": None},
    ),
    Odd(
        title="R write.table writes one name fewer than columns",
        content='"mesh"\t"re"\n"1"\t"coarse"\t1e+05\n"2"\t"fine"\t1e+06\n',
        says="line 2: each row has one cell more than the header. If R wrote it, use write.csv",
    ),
    Odd(
        title="R prints a table",
        content="  mesh    re\n1 coarse 1e+05\n2 fine   1e+06\n",
        says="line 1: blanks seem to separate the columns: use commas instead. If it is one column, put a first line",
    ),
    Odd(
        title="R write.table separates texts by blanks",
        content='"mesh" "re"\n"coarse" 1e+05\n"fine" 1e+06\n',
        says="line 1: blanks seem to separate the columns: use commas instead. If it is one column, put a first line",
    ),
    Odd(
        title="a database's export separates by bars",
        content="mesh|re\ncoarse|100000\nfine|1000000\n",
        says="line 1: bars seem to separate the columns: put a first line `sep=|` before the header, or use commas",
    ),
    Odd(
        title="bars below a first line that names them",
        content="sep=|\nmesh|re\ncoarse|100000\n",
        cases=[{"mesh": "coarse", "re": "100000"}],
        says="CSV, separated by bars",
    ),
    Odd(
        title="bars in the name of the only column",
        content="|U|\n1.5\n2.5\n",
        cases=[{"U": "1.5"}, {"U": "2.5"}],
        says=COMMAS,
        renamed={"|U|": "U"},
    ),
    Odd(
        title="MATLAB writetable keeps names with units",
        content="Chord (m),Flap deflection (deg),IsTransient\r\n0.75,10,1\r\n1.25,-5,0\r\n",
        cases=[
            {"Chord_m": "0.75", "Flap_deflection_deg": "10", "IsTransient": "1"},
            {"Chord_m": "1.25", "Flap_deflection_deg": "-5", "IsTransient": "0"},
        ],
        says=COMMAS,
        renamed={"Chord (m)": "Chord_m", "Flap deflection (deg)": "Flap_deflection_deg"},
    ),
    Odd(
        title="MATLAB writecell without names of columns",
        content="coarse,2.5\r\nfine,5\r\n",
        says="line 1: column '2.5' is a number where a name belongs: add a header line",
    ),
    Odd(
        title="Octave save -ascii writes no names of columns",
        content=" 1.00000000e+00 2.50000000e+00\n 2.00000000e+00 5.00000000e+00\n",
        says="line 1: there are numbers where the names of the columns belong: add a header line",
    ),
    Odd(
        title="a Fortran program writes exponents with D",
        content="re;nu\n1,5D+05;0,1D-04\n2,5D+05;0,1D-04\n",
        cases=[{"re": "1.5D+05", "nu": "0.1D-04"}, {"re": "2.5D+05", "nu": "0.1D-04"}],
        says=DECIMAL_COMMAS,
    ),
    Odd(
        title="a program writes three decimals between tabs",
        content="re\tangle\n12.500\t0.500\n15.000\t1.000\n",
        says="line 2: column 're': is '12.500' 12.5 or 12500? Write no separators of thousands, and fewer or more",
    ),
    Odd(
        title="numpy.savetxt writes its header as a comment and separates by blanks",
        content="# mesh re\n1.000000000000000000e+00 1.000000000000000000e+05\n2.000000000000000000e+00 2.5e+05\n",
        cases=[
            {"mesh": "1.000000000000000000e+00", "re": "1.000000000000000000e+05"},
            {"mesh": "2.000000000000000000e+00", "re": "2.5e+05"},
        ],
        says=BLANKS,
    ),
    Odd(
        title="numpy.savetxt with commas",
        content="# chord,angle of attack [deg]\n0.75,2.5\n1.25,5\n",
        cases=[
            {"chord": "0.75", "angle_of_attack_deg": "2.5"},
            {"chord": "1.25", "angle_of_attack_deg": "5"},
        ],
        says=COMMAS,
        renamed={"angle of attack [deg]": "angle_of_attack_deg"},
    ),
    Odd(
        title="numpy.savetxt without a header",
        content="1.0e+00 1.0e+05\n2.0e+00 1.0e+06\n",
        says="line 1: there are numbers where the names of the columns belong: add a header line",
    ),
    Odd(
        title="SAM's parametric table has units in brackets",
        content="batt_bank_size (kWh),system_capacity (kW)\n10,4.5\n20,4.5\n",
        cases=[
            {"batt_bank_size_kWh": "10", "system_capacity_kW": "4.5"},
            {"batt_bank_size_kWh": "20", "system_capacity_kW": "4.5"},
        ],
        says=COMMAS,
        renamed={"batt_bank_size (kWh)": "batt_bank_size_kWh", "system_capacity (kW)": "system_capacity_kW"},
    ),
    Odd(
        title="PyBaMM's names end in a unit",
        content="Negative electrode thickness [m],Maximum concentration in positive electrode [mol.m-3]\n"
        "8.52e-05,63104\n",
        cases=[
            {
                "Negative_electrode_thickness_m": "8.52e-05",
                "Maximum_concentration_in_positive_electrode_mol_m_3": "63104",
            }
        ],
        says=COMMAS,
        renamed={
            "Negative electrode thickness [m]": "Negative_electrode_thickness_m",
            "Maximum concentration in positive electrode [mol.m-3]": (
                "Maximum_concentration_in_positive_electrode_mol_m_3"
            ),
        },
    ),
    Odd(
        title="Modelica's names have dots, brackets and der()",
        content='"inlet.velocity","tank[1].level","der(tank[1].level)"\n1.0,0.5,0.0\n',
        cases=[{"inlet_velocity": "1.0", "tank_1_level": "0.5", "der_tank_1_level": "0.0"}],
        says=COMMAS,
        renamed={
            "inlet.velocity": "inlet_velocity",
            "tank[1].level": "tank_1_level",
            "der(tank[1].level)": "der_tank_1_level",
        },
    ),
    Odd(
        title="Dakota's tabular data begins with a percent sign",
        content="%eval_id interface             x1             x2\n1            NO_ID            0.9            1.1\n"
        "2            NO_ID        0.90009              2\n",
        cases=[
            {"eval_id": "1", "interface": "NO_ID", "x1": "0.9", "x2": "1.1"},
            {"eval_id": "2", "interface": "NO_ID", "x1": "0.90009", "x2": "2"},
        ],
        says=BLANKS,
    ),
    Odd(
        title="Ansys Workbench exports design points below comments",
        content="# 30.11.2026 10:15:03\n# The parameters defined in the project are:\n"
        "# ,P1 - Thickness [mm],P2 - Force [N]\n"
        "# The following header line defines the name of the columns by reference to the parameters.\n"
        "Name,P1,P2\nDP 0,10,1000\nDP 1,12.5,1000\n",
        cases=[{"Name": "DP 0", "P1": "10", "P2": "1000"}, {"Name": "DP 1", "P1": "12.5", "P2": "1000"}],
        says=COMMAS,
    ),
    Odd(
        title="COMSOL exports its header as the last comment",
        content="% Model,plate.mph\n% Version,COMSOL 6.3\n% Table,Table 1\n% L (mm),w (mm)\n10,2.5\n20,2.5\n",
        cases=[{"L_mm": "10", "w_mm": "2.5"}, {"L_mm": "20", "w_mm": "2.5"}],
        says=COMMAS,
        renamed={"L (mm)": "L_mm", "w (mm)": "w_mm"},
    ),
    Odd(
        title="a comment above a header",
        content="# study 5, written by hand\n\nmesh, re\ncoarse, 100000\nfine, 1000000\n",
        cases=[{"mesh": "coarse", "re": "100000"}, {"mesh": "fine", "re": "1000000"}],
        says=COMMAS,
    ),
    Odd(
        title="a case that is commented out",
        content="mesh,re\ncoarse,100000\n#fine,1000000\n",
        says="line 3: begins with '#', as a comment does: remove the line, or, if it is a case, write the table as",
    ),
    Odd(
        title="a row of units below the header",
        content="mesh,angle\n[-],[deg]\ncoarse,2.5\n",
        says="line 2: holds units: put them into the header, as in 'angle [deg]', or remove the line",
    ),
    Odd(
        title="two tables one after the other, as cat joins them",
        content="mesh,re\ncoarse,100000\nmesh,re\nfine,1000000\n",
        says="line 3: repeats the header: remove the line",
    ),
    Odd(
        title="decimal commas where commas separate",
        content="mesh,angle\ncoarse,2,5\nfine,5,0\n",
        says="line 2: each row has one cell more than the header. If numbers have decimal commas, separate the cells",
    ),
    Odd(
        title="a loop leaves a separator at the end of each line",
        content="mesh,re,\n1,100000,\n2,200000,\n",
        cases=[{"mesh": "1", "re": "100000"}, {"mesh": "2", "re": "200000"}],
        says=COMMAS,
    ),
    Odd(
        title="an old Mac ends lines with carriage returns",
        content="mesh,re\rcoarse,100000\rfine,1000000\r",
        cases=[{"mesh": "coarse", "re": "100000"}, {"mesh": "fine", "re": "1000000"}],
        says=COMMAS,
    ),
    Odd(
        title="one column needs no separator",
        content="mesh\ncoarse\nvery fine\n",
        cases=[{"mesh": "coarse"}, {"mesh": "very fine"}],
        says=COMMAS,
    ),
    Odd(
        title="Greek letters and accents are spelled out",
        content="ω [rad/s],Länge [µm],Überdruck [%]\n2.5,10,3\n",
        cases=[{"omega_rad_s": "2.5", "Lange_mum": "10", "Uberdruck": "3"}],
        says=COMMAS,
        renamed={"ω [rad/s]": "omega_rad_s", "Länge [µm]": "Lange_mum", "Überdruck [%]": "Uberdruck"},
    ),
    Odd(
        title="letters without a Latin spelling",
        content="网格,re\ncoarse,100000\n",
        says="line 1: column '网格': the letter '网' cannot be part of a parameter's name; use a to z, 0 to 9 and _",
    ),
    Odd(
        title="two columns that differ only in their units",
        content="wall [mm],wall (mm)\n1,2\n",
        says="line 1: columns 1 and 2, 'wall [mm]' and 'wall (mm)', both give PARAM_WALL_MM: rename one of them",
    ),
    Odd(
        title="semicolons and commas both give a table",
        content="span, m;chord\n2,5;3\n",
        says="line 1: semicolons and commas both give a table: put a first line `sep=,` or `sep=;` before the header",
    ),
    Odd(
        title="a row that lacks a cell",
        content="mesh,re\ncoarse,100000\nfine\n",
        says="line 3: has 1 cell, but the header has 2",
    ),
    Odd(
        title="a quote that is never closed",
        content='mesh,re\n"coarse,100000\nfine,1000000\n',
        says="line 2: is not CSV: a quote is opened here and never closed",
    ),
    Odd(
        title="UTF-16 without a byte order mark",
        content="mesh\nfine\n".encode("utf-16-le"),
        says="line 1: there is a NUL character; UTF-16 needs a byte order mark",
    ),
    Odd(
        title="pandas to_json writes JSON Lines with units in names",
        content='{"Wall thickness [mm]":2.5,"mesh":"coarse"}\n{"Wall thickness [mm]":3.0,"mesh":"fine"}\n',
        cases=[{"Wall_thickness_mm": "2.5", "mesh": "coarse"}, {"Wall_thickness_mm": "3.0", "mesh": "fine"}],
        says="JSON Lines",
        key="cases.jsonl",
        renamed={"Wall thickness [mm]": "Wall_thickness_mm"},
    ),
    Odd(
        title="pandas to_json writes columns by default",
        content='{"mesh":{"0":"coarse","1":"fine"},"re":{"0":100000,"1":1000000}}',
        says="line 1: holds columns, and not the parameters of a case (pandas: to_json(…, orient='records'",
        key="cases.jsonl",
    ),
    Odd(
        title="JSON Lines under a key that ends in csv",
        content='{"mesh": "coarse"}\n{"mesh": "fine"}\n',
        says="it is JSON Lines: give it a key that ends in .jsonl",
    ),
    Odd(
        title="a JSON list",
        content='[{"mesh": "coarse"},\n {"mesh": "fine"}]\n',
        says="it is JSON; write one object per line (jq -c '.[]'), under a key that ends in .jsonl",
    ),
)
