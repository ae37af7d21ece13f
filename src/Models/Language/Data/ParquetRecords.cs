using System.Collections;
using System.Text.Json;
using System.Text.RegularExpressions;
using Parquet;
using Parquet.Serialization;

namespace Marrow.Language;

/// <summary>Records of Parquet files, as data sets are published; nested columns are objects and lists.</summary>
internal static partial class ParquetRecords
{
    private const string Pattern = "*.parquet";

    /// <summary>The Parquet files that a path names, in order; null if it names none.</summary>
    /// <exception cref="TextDataException">A folder has none, or those of several splits.</exception>
    public static IReadOnlyList<string>? Files(string path)
    {
        if (Directory.Exists(path))
        {
            return OneSplit(path, Find(path, Pattern));
        }

        var name = Path.GetFileName(path);
        return !name.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase) ? null
            : name.Contains('*', StringComparison.Ordinal) ? Find(Path.GetDirectoryName(path) ?? "", name)
            : [path];
    }

    /// <summary>A file's rows, a row group at a time.</summary>
    /// <exception cref="TextDataException">It cannot be read.</exception>
    public static IEnumerable<(JsonElement Record, string Where)> Read(string file)
    {
        var (number, groups) = (0, Groups(file));
        for (var group = 0; group < groups; group++)
        {
            foreach (var row in Rows(file, group))
            {
                yield return (JsonSerializer.SerializeToElement(Plain(row)), $"{file}, row {++number}");
            }
        }
    }

    private static string[] Find(string folder, string pattern)
    {
        var folderOrHere = folder.Length > 0 ? folder : ".";
        string[] files = Directory.Exists(folderOrHere)
            ? [.. Directory.EnumerateFiles(folderOrHere, pattern)
                .Where(file => !Path.GetFileName(file).StartsWith('.')).Order(StringComparer.Ordinal)]
            : [];
        return files.Length > 0
            ? files
            : throw new TextDataException(
                $"{folderOrHere}: no file there is like {pattern}; name a file, or a folder of Parquet files.");
    }

    /// <summary>train-00000-of-00002.parquet is of the split train; test rows must not become training data.</summary>
    private static string[] OneSplit(string folder, string[] files)
    {
        string[] splits = [.. files.Select(file => Shard().Match(Path.GetFileName(file)))
            .Where(match => match.Success).Select(match => match.Groups[1].Value).Distinct()];
        return splits.Length < 2
            ? files
            : throw new TextDataException(
                $"{folder}: it holds the splits {string.Join(", ", splits)}; name one, as "
                + $"{Path.Combine(folder, splits[^1])}-*.parquet.");
    }

    private static int Groups(string file) => Guard(file, async stream =>
    {
        await using var reader = await ParquetReader.CreateAsync(stream);
        return reader.RowGroupCount;
    });

    private static IList<Dictionary<string, object>> Rows(string file, int group) => Guard(file, async stream =>
        (await ParquetSerializer.DeserializeUntypedAsync(stream, rowGroupIndex: group)).Data);

    private static T Guard<T>(string file, Func<Stream, Task<T>> read)
    {
        RecordFile.RequireContent(file);
        try
        {
            using var stream = File.OpenRead(file);
            return read(stream).GetAwaiter().GetResult();
        }
        catch (Exception fault) when (fault is not (OutOfMemoryException or StackOverflowException))
        {
            // Whatever a damaged file makes the reader do.
            throw new TextDataException(
                $"{file}: it cannot be read as Parquet ({fault.Message.TrimEnd('.')}); fetch it again.", fault);
        }
    }

    /// <summary>Texts, numbers, lists and objects; what else a column holds, such as pictures, is left out.</summary>
    private static object? Plain(object? value) => value switch
    {
        ReadOnlyMemory<char> text => text.ToString(),
        string or bool or int or long or float or double => value,
        byte[] => null,
        IDictionary entries => entries.Keys.Cast<string>().ToDictionary(key => key, key => Plain(entries[key])),
        IEnumerable items => items.Cast<object?>().Select(Plain).ToList(),
        _ => null,
    };

    [GeneratedRegex(@"^(.+)-\d+-of-\d+\.parquet$")]
    private static partial Regex Shard();
}
