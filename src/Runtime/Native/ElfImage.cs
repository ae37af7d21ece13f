using System.Buffers.Binary;
using System.Text;

namespace Marrow.Native;

/// <summary>
/// The few parts of a 64-bit little-endian ELF shared library that versioned symbols need, read through its dynamic
/// segment as the system's loader reads them.
/// </summary>
internal readonly ref struct ElfImage
{
    private const int
        HeaderSize = 64, ProgramHeaderSize = 56, DynamicEntrySize = 16, SymbolSize = 24, RelocationSize = 24,
        Load = 1, Dynamic = 2;

    private const long
        PltRelocationsSize = 2, StringTable = 5, SymbolTable = 6, Relocations = 7, RelocationsSize = 8,
        StringTableSize = 10, PltRelocations = 23,
        GnuHash = 0x6ffffef5, SymbolVersions = 0x6ffffff0, VersionNeeds = 0x6ffffffe, VersionNeedCount = 0x6fffffff;

    private readonly ReadOnlySpan<byte> image;
    private readonly Dictionary<long, long> dynamic = [];

    /// <exception cref="InvalidDataException">Not such a library, or a truncated one.</exception>
    public ElfImage(ReadOnlySpan<byte> image)
    {
        this.image = image;
        if (image.Length < HeaderSize || !image.StartsWith("\x7f"u8) || !image[1..].StartsWith("ELF"u8) ||
            image[4] != 2 || image[5] != 1)
            throw new InvalidDataException("it is not a 64-bit little-endian ELF file");

        var segment = ProgramHeader(Dynamic, address: null);
        var (start, size) = (Int64(segment + 8), Int64(segment + 32));
        for (var entry = start; entry < start + size; entry += DynamicEntrySize)
            dynamic.TryAdd(Int64(entry), Int64(entry + 8));
    }

    /// <summary>
    /// File offset of the flags of the requirement for <paramref name="version"/> of <paramref name="library"/>, and
    /// the index that symbols of that version carry.
    /// </summary>
    public (int Flags, int Index) FindVersionNeed(string library, string version)
    {
        var need = Offset(Entry(VersionNeeds));
        for (var file = Entry(VersionNeedCount); file > 0; file--)
        {
            var auxiliary = need + UInt32(need + 8);
            for (var count = UInt16(need + 2); Name(UInt32(need + 4)) == library && count > 0; count--)
            {
                if (Name(UInt32(auxiliary + 8)) == version)
                    return (checked((int)(auxiliary + 4)), UInt16(auxiliary + 6));
                auxiliary += UInt32(auxiliary + 12);
            }
            need += UInt32(need + 12);
        }
        throw new InvalidDataException($"it has no requirement for {version} of {library}");
    }

    /// <summary>Undefined symbols of one version, as name and whether a relocation uses them.</summary>
    public List<(string Name, bool Used)> UndefinedSymbols(int versionIndex)
    {
        var symbols = new Dictionary<long, string>();
        // The hash table covers defined symbols only; all before its first one are undefined.
        var firstDefined = UInt32(Offset(Entry(GnuHash)) + 4);
        var (table, versions) = (Offset(Entry(SymbolTable)), Offset(Entry(SymbolVersions)));
        for (var symbol = 1L; symbol < firstDefined; symbol++)
        {
            if (UInt16(versions + 2 * symbol) == versionIndex)
                symbols.Add(symbol, Name(UInt32(table + SymbolSize * symbol)));
        }

        var used = new HashSet<long>();
        foreach (var (start, size) in (
            (long, long)[])[(Relocations, RelocationsSize), (PltRelocations, PltRelocationsSize)])
        {
            if (!dynamic.TryGetValue(start, out var address)) continue;
            var first = Offset(address);
            for (var relocation = first; relocation < first + Entry(size); relocation += RelocationSize)
                used.Add(UInt32(relocation + 12));
        }
        return [.. symbols.Select(symbol => (symbol.Value, used.Contains(symbol.Key)))];
    }

    private long Entry(long tag) => dynamic.TryGetValue(tag, out var value)
        ? value : throw new InvalidDataException($"its dynamic section has no entry 0x{tag:x}");

    /// <summary>File offset of an address of the loaded library.</summary>
    private long Offset(long address)
    {
        var segment = ProgramHeader(Load, address);
        return Int64(segment + 8) + (address - Int64(segment + 16));
    }

    private long ProgramHeader(int type, long? address)
    {
        var header = Int64(32);
        for (var count = UInt16(56); count > 0; count--, header += ProgramHeaderSize)
        {
            if (UInt32(header) != type) continue;
            var (start, size) = (Int64(header + 16), Int64(header + 32));
            if (address is null || (address >= start && address < start + size)) return header;
        }
        throw new InvalidDataException(
            $"it has no program header of type {type}" + (address is null ? "" : $" for 0x{address:x}"));
    }

    private string Name(long offset)
    {
        if (offset >= Entry(StringTableSize)) throw new InvalidDataException("a name lies outside its string table");
        var rest = Bytes(Offset(Entry(StringTable)) + offset, 1, upTo: true);
        var end = rest.IndexOf((byte)0);
        return end < 0
            ? throw new InvalidDataException("its string table does not end")
            : Encoding.ASCII.GetString(rest[..end]);
    }

    private ushort UInt16(long offset) => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(offset, 2));

    private uint UInt32(long offset) => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(offset, 4));

    private long Int64(long offset) => BinaryPrimitives.ReadInt64LittleEndian(Bytes(offset, 8));

    private ReadOnlySpan<byte> Bytes(long offset, int length, bool upTo = false)
    {
        if (offset < 0 || offset > image.Length - length) throw new InvalidDataException("it is cut off or damaged");
        return upTo ? image[(int)offset..] : image.Slice((int)offset, length);
    }
}
