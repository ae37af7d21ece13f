using System.Text;
using Tokenizers.DotNet;

namespace Marrow.Tokenizers;

/// <summary>A tokenizer.json in the hands of Hugging Face's own implementation.</summary>
internal sealed class HuggingFaceTokenizer : Tokenizer
{
    private const string NativePackage = "Tokenizers.DotNet.runtime";

    // Safe for use by several threads, and freed by its finalizer if nobody disposes it.
    private readonly global::Tokenizers.DotNet.Tokenizer native;
    private readonly string path;
    private readonly HashSet<int> special = [];
    private readonly SpecialTokens tokens;
    private readonly int[] before, behind;

    private HuggingFaceTokenizer(TokenizerJson json, TokenizerFolder folder)
    {
        (path, VocabularySize) = (json.Path, json.ModelSize);
        (before, behind) = Around(json);
        native = Load(path, json.Plain());
        var added = new Dictionary<string, int>();
        foreach (var (content, isSpecial) in json.Added)
        {
            if (Encode(content, addBegin: false) is not [var id])
            {
                continue; // the official implementation ignores it too
            }

            added[content] = id;
            VocabularySize = Math.Max(VocabularySize, id + 1);
            if (isSpecial)
            {
                special.Add(id);
            }
        }

        tokens = folder.Special(token => added.TryGetValue(token, out var id) ? id : json.IdOf(token));
    }

    /// <inheritdoc/>
    public override int? BeginId => tokens.Begin;

    /// <inheritdoc/>
    public override int EndId => tokens.End;

    /// <inheritdoc/>
    public override IReadOnlyList<int> EndIds => tokens.Ends;

    /// <inheritdoc/>
    public override int? PadId => tokens.Pad;

    /// <inheritdoc/>
    public override int VocabularySize { get; }

    /// <exception cref="CheckpointException">The official implementation refuses the file, or is missing.</exception>
    public static HuggingFaceTokenizer Read(TokenizerJson json, TokenizerFolder folder) => new(json, folder);

    /// <inheritdoc/>
    /// <exception cref="CheckpointException">The tokenizer has no id for something in the text, and none for what is
    /// unknown.</exception>
    public override int[] Encode(string text, bool addBegin = true)
    {
        try
        {
            // An unpaired surrogate has no UTF-8, which the official implementation is in.
            int[] ids = [.. native.Encode(WellFormed(text)).Select(id => (int)id)];
            return addBegin ? [.. before, .. ids, .. behind] : ids;
        }
        catch (TokenizerException fault)
        {
            throw TokenizerJson.Damaged(path, fault.Message.TrimEnd('.'), fault);
        }
        finally
        {
            GC.KeepAlive(native); // its finalizer frees what the call above reads
        }
    }

    /// <inheritdoc/>
    public override string Decode(IEnumerable<int> ids, bool keepSpecial = false)
    {
        try
        {
            return native.Decode([.. ids.Select(Checked)
                .Where(id => keepSpecial || !(special.Contains(id) || tokens.Holds(id)))
                .Select(id => (uint)id)]);
        }
        finally
        {
            GC.KeepAlive(native);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            native.Dispose();
        }
    }

    private static string WellFormed(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    /// <summary>The ids that the tokenizer puts in front of a text and behind it.</summary>
    private static (int[] Before, int[] Behind) Around(TokenizerJson json)
    {
        if (json.Surroundings() is not { } file)
        {
            return ([], []);
        }

        using var around = Load(json.Path, file);
        var ids = around.Encode("text");
        var text = Array.IndexOf(ids, uint.MaxValue);
        return ([.. ids[..text].Select(id => (int)id)], [.. ids[(text + 1)..].Select(id => (int)id)]);
    }

    /// <summary>The official implementation reads files only, so it gets one for as long as it reads.</summary>
    private static global::Tokenizers.DotNet.Tokenizer Load(string path, byte[] json)
    {
        var file = Path.Combine(Path.GetTempPath(), $"marrow-tokenizer-{Guid.NewGuid():N}.json");
        try
        {
            File.WriteAllBytes(file, json);
            return new(file);
        }
        catch (TokenizerException fault)
        {
            var problem = fault.Message.Split(": ", 2)[^1].Split(" at line ")[0];
            throw TokenizerJson.Damaged(path, problem, fault);
        }
        catch (Exception fault) when (fault is DllNotFoundException or BadImageFormatException
            or EntryPointNotFoundException)
        {
            throw new CheckpointException(
                path,
                "the native library that reads it is missing (hf_tokenizers)",
                $"add the package {NativePackage}.linux-x64, or that of your platform, to the program",
                fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                path, $"no temporary copy of it can be written ({fault.Message})", "free space in TMPDIR", fault);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
