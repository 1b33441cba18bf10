//! Files that are recognised and not read, with what to save instead.

/// How a file begins, what it is, and what to do.
const TABLE: [(&[u8], &str, &str); 24] = [
    (
        b"MATLAB 5.0 MAT-file",
        "a MATLAB file",
        "in MATLAB, save the variables as a table: `writetable(t, 'data.csv')` or `parquetwrite`",
    ),
    (
        b"\x89HDF\r\n\x1a\n",
        "an HDF5 file (MATLAB 7.3 writes these too)",
        "save the data set as CSV or Parquet, for example with pandas: `frame.to_parquet(…)`",
    ),
    (b"TDSm", "a TDMS file of LabVIEW", "export it as CSV from DIAdem or Excel's TDM importer"),
    (
        b"MDF     ",
        "an MDF file of a measurement system",
        "export it as CSV or Parquet, one file per rate",
    ),
    (b"LOGG", "a BLF file of a CAN logger", "export the decoded signals as CSV"),
    (
        b"\x93NUMPY",
        "a NumPy array",
        "save it with column names: `pandas.DataFrame(a, columns=…).to_parquet(…)`",
    ),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Excel file (.xls) or another Office document",
        "save it as .xlsx or CSV",
    ),
    (b"SQLite format 3\0", "an SQLite database", "export the table as CSV"),
    (b"ARROW1", "an Arrow file (Feather)", "save it as Parquet"),
    (b"Obj\x01", "an Avro file", "save it as Parquet or CSV"),
    (b"ORC", "an ORC file", "save it as Parquet"),
    (b"CDF\x01", "a NetCDF file", "save the variables as CSV or Parquet"),
    (b"CDF\x02", "a NetCDF file", "save the variables as CSV or Parquet"),
    (b"\x1f\x8b", "packed with gzip", "unpack it with `gunzip`, or pack the files as ZIP"),
    (b"BZh", "packed with bzip2", "unpack it with `bunzip2`, or pack the files as ZIP"),
    (b"\xfd7zXZ\0", "packed with xz", "unpack it with `unxz`, or pack the files as ZIP"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", "unpack it with `unzstd`, or pack the files as ZIP"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "pack the files as ZIP"),
    (b"Rar!", "a RAR archive", "pack the files as ZIP"),
    (b"fLaC", "FLAC sound", "save it as WAV"),
    (b"OggS", "Ogg sound", "save it as WAV"),
    (b"ID3", "MP3 sound", "save it as WAV; what MP3 has thrown away is lost"),
    (b"%PDF", "a PDF document", "import the file that it was made from"),
    (b"\x80\x04\x95", "a Python pickle", "save the data as CSV or Parquet"),
];

/// What the file is and what to save instead, if it is one of those that are not read.
pub(super) fn refused(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let found = TABLE.iter().find(|(magic, ..)| head.starts_with(magic));
    found.map(|(_, what, advice)| (*what, *advice))
}
