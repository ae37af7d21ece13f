using System.CommandLine;
using Marrow.Tool.Libraries;
using Marrow.Tool.Terminal;

namespace Marrow.Tool.CommandLine;

/// <summary>A call of a verb.</summary>
/// <param name="parsed">What was typed.</param>
/// <param name="screen">Where to write.</param>
/// <param name="isJson">Whether the result is to be JSON.</param>
/// <param name="stop">Canceled by Ctrl-C; a verb that ends then keeps what is done.</param>
internal sealed class Invocation(ParseResult parsed, Screen screen, bool isJson, CancellationToken stop)
{
    /// <summary>Where to write.</summary>
    public Screen Screen => screen;

    /// <summary>Whether the result is to be JSON.</summary>
    public bool IsJson => isJson;

    /// <summary>Canceled by Ctrl-C; a verb that ends then keeps what is done.</summary>
    public CancellationToken Stop => stop;

    /// <summary>The command as a shell takes it.</summary>
    public string Line => string.Join(' ', parsed.Tokens.Select(token => Quoted(token.Value)).Prepend("marrow"));

    /// <summary>The value of an argument.</summary>
    public T Get<T>(Argument<T> argument) => parsed.GetRequiredValue(argument);

    /// <summary>The value of an option, or its default.</summary>
    public T? Get<T>(Option<T> option) => parsed.GetValue(option);

    /// <summary>Whether an option was typed.</summary>
    public bool Has(Option option) => parsed.GetResult(option) is { Implicit: false };

    /// <summary>Loads libtorch, and fetches it first where it is not there; a verb that computes calls this.</summary>
    public void RequireTorch() => LibTorch.Load(screen, stop);

    /// <summary>Prints the result: as JSON if that was asked for, otherwise as a person reads it.</summary>
    public void Print<T>(T result, Action<T, Screen> show)
    {
        if (isJson)
        {
            screen.Json(result);
        }
        else
        {
            show(result, screen);
        }
    }

    private static string Quoted(string word) =>
        word.Length > 0 && word.All(letter => char.IsLetterOrDigit(letter) || "-_./,:=+".Contains(letter))
            ? word
            : $"'{word.Replace("'", @"'\''")}'";
}
